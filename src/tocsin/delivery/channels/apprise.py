"""Everything else, by Apprise: https://github.com/caronc/apprise/wiki

The library itself is known to `delivery.apprise_child` alone, a process of its own.
"""

import re
from collections.abc import Sequence
from typing import Any
from urllib.parse import unquote

from tocsin.delivery.channel import (
    Accepted,
    Answer,
    BadConfigError,
    Config,
    Delivered,
    Notification,
    Pace,
    Verdict,
    classify,
)
from tocsin.delivery.destinations import URL_LIMIT, Network
from tocsin.delivery.message import Message

_SCHEME = re.compile(r"[a-z0-9]{2,30}://.")
_SEVERITIES = {"Open": "failure", "Closed": "success"}
_SHOWN_FROM = 12
#: Shorter pieces of a URL are names like `json` or `ops`.
_LEAST_SECRET = 6


class Apprise:
    name = "apprise"
    keeps_state = False
    is_read_by_people = True
    pace = Pace(per_second=1, burst=4, at_once=1)  # each is a process of its own

    def validate(self, config: Config, allowed: Sequence[Network], previous: Config | None = None) -> Accepted:
        """Only the form: whether Apprise knows such a URL, its process is asked (`Sender.objection`)."""
        url = config.get("url")
        if url is None or url == "":
            raise BadConfigError("url is required: an Apprise URL like ntfys://ntfy.sh/my-topic.")
        if not isinstance(url, str) or len(url) > URL_LIMIT or not url.isprintable() or not _SCHEME.match(url.lower()):
            raise BadConfigError(
                f"url must be one Apprise URL like ntfys://ntfy.sh/my-topic, of at most {URL_LIMIT} characters."
            )
        return Accepted({"url": url}, {})

    def mask(self, config: Config) -> dict[str, Any]:
        scheme, _, rest = config["url"].partition("://")
        return {"url": f"{scheme}://…{rest[-4:] if len(rest) > _SHOWN_FROM else ''}"}

    def secrets(self, config: Config) -> list[str]:
        url = config["url"]
        pieces = [piece for piece in re.split(r"[/:@?&=#,]", url) if len(piece) >= _LEAST_SECRET]
        return [url, *pieces, *map(unquote, pieces)]

    def request(self, config: Config, message: Message, now: int) -> Notification:
        body = message.text.partition("\n")[2] or message.title
        return Notification(config["url"], message.title, body, _SEVERITIES.get(message.state, "info"))

    def judge(self, config: Config, answer: Answer, now: int) -> Verdict:
        """`answer.status` is the HTTP status Apprise met where it failed, and 200 where it did not."""
        if answer.status == 200:
            return Delivered("Apprise sent it.")
        return classify(answer, now)
