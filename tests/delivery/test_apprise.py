"""Apprise at arm's length: what its process may do, and that nobody else ever imports it."""

import asyncio
import subprocess
import sys
from typing import Any

import pytest

from tests.support.alerting import NOON, content
from tests.support.receiver import LOOPBACK, Receiver, answering, hanging, receiver
from tocsin.delivery.apprise_process import AppriseProcess
from tocsin.delivery.channel import Answer, BadConfigError, NoAnswer, Notification
from tocsin.delivery.channels.apprise import Apprise
from tocsin.delivery.message import compose


def _notify(url: str, allowed: Any = LOOPBACK, **changes: Any) -> tuple[Answer | NoAnswer, Receiver]:
    """`{host}` in the URL becomes a receiver's."""

    async def run() -> tuple[Answer | NoAnswer, Receiver]:
        async with receiver() as one:
            for name, value in changes.items():
                setattr(one, name, value)
            target = url.replace("{host}", one.url.removeprefix("http://"))
            said = await AppriseProcess(allowed, seconds=10).notify(Notification(target, "Ring", "One\nTwo", "failure"))
            return said, one

    return asyncio.run(run())


def _objection(url: str) -> str:
    return asyncio.run(AppriseProcess().objection(url))


def _refused(said: Answer | NoAnswer) -> str:
    assert isinstance(said, NoAnswer), said
    assert said.reason == "destination_refused"
    return said.detail


def test_what_starts_a_node_does_not_import_it() -> None:
    started = (
        "import sys, tocsin.bootstrap, tocsin.cli, tocsin.delivery.apprise_process; print('apprise' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", started], capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout.strip() == "False"


def test_it_is_sent_with_title_body_and_severity() -> None:
    said, one = _notify("json://{host}/hook")
    assert said == Answer(200, {}, "")
    assert b'"title": "Ring", "message": "One\\nTwo"' in one.received[0].body
    assert b'"type": "failure"' in one.received[0].body


def test_a_redirect_to_an_address_that_is_not_permitted_is_not_followed() -> None:
    elsewhere = answering(302, "", {"Location": "http://10.0.0.1/latest/meta-data"})
    said, _ = _notify("json://{host}/hook", answer=elsewhere)
    assert "not public (private)" in _refused(said)


@pytest.mark.parametrize(
    ("url", "says"),
    [
        ("json://169.254.169.254/latest", "link-local"),
        ("json://[::1]:9/x", "loopback"),
        ("json://localhost:9/x", "loopback"),
        ("mailto://user:pass@10.0.0.1?from=a@b.example&to=c@d.example", "private"),
        ("rsyslog://10.0.0.1", "private"),
        ("syslog://", "machine of Tocsin itself"),
        ("fcm://project@apikey12/device?keyfile=/etc/passwd", "names a file"),
        ("nonsense://x/y", "cannot use this URL"),
        ("jsons://hook.example/x?verify=no", "cannot use this URL"),
    ],
)
def test_what_it_has_no_business_with_is_refused(url: str, says: str) -> None:
    said, _ = _notify(url, allowed=[])
    assert says in _refused(said)


def test_a_notification_is_ended_in_time() -> None:
    async def run() -> Answer | NoAnswer:
        async with receiver() as one:
            one.answer = hanging
            url = one.url.replace("http:", "json:") + "/hook"
            return await AppriseProcess(LOOPBACK, seconds=2).notify(Notification(url, "Ring", "Now", "info"))

    said = asyncio.run(run())
    assert isinstance(said, NoAnswer)
    assert (said.reason, said.may_have_arrived) == ("timeout", True)


@pytest.mark.parametrize(
    "url",
    [
        "ntfys://ntfy.sh/topic",
        "tgram://123456789:abcdefg_hijklmnop/lead2gold/",
        "discord://12345678901234567890/abcdefghijklmnopqrstuvwxyz0123456789",
        "mailtos://user:pass@example.com",
    ],
)
def test_a_url_apprise_knows_has_nothing_against_it(url: str) -> None:
    assert _objection(url) == ""


@pytest.mark.parametrize(
    ("url", "says"),
    [
        ("nonsense://x/y", "cannot use this URL"),
        ("discord://only-half", "cannot use this URL"),
        ("ntfys://ntfy.sh/topic?verify=no", "cannot use this URL"),
        ("syslog://", "machine of Tocsin itself"),
        ("DBUS://", "machine of Tocsin itself"),
    ],
)
def test_a_url_apprise_does_not_know_is_objected_to(url: str, says: str) -> None:
    assert says in _objection(url)


@pytest.mark.parametrize(
    "url", [None, "", 5, "ntfys", "ntfys://", "://x", "ntfys://x\r\ny", "ntfys://" + "x" * 2_000, "n t://x"]
)
def test_a_text_that_is_no_url_is_refused_without_being_repeated(url: Any) -> None:
    with pytest.raises(BadConfigError, match="^url (is required|must be)") as caught:
        Apprise().validate({"url": url}, [])
    assert not url or len(str(url)) < 10 or str(url) not in str(caught.value)


@pytest.mark.parametrize(("kind", "severity"), [("opened", "failure"), ("resolved", "success")])
def test_the_severity_is_how_things_are(kind: str, severity: str) -> None:
    config = {"url": "ntfys://ntfy.sh/topic"}
    sent = Apprise().request(config, compose("id", content(kind, "Acme"), NOON, NOON), NOON)
    assert sent.severity == severity
    assert sent.title not in sent.body
    assert content()["url"] in sent.body


def test_all_of_a_url_but_its_scheme_is_masked() -> None:
    assert Apprise().mask({"url": "tgram://123456789:abcdefg_hijklmnop/lead2gold/"}) == {"url": "tgram://…old/"}
    assert Apprise().mask({"url": "ntfys://topic"}) == {"url": "ntfys://…"}
