"""One request for a page: who looks, what they ask for, and what a page function needs to answer."""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any
from urllib.parse import quote, unquote, urlencode

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from tocsin.application import credentials
from tocsin.application.access import Right
from tocsin.application.errors import Refused
from tocsin.clock import effort
from tocsin.dashboard import answering, cookies, csrf, words
from tocsin.dashboard.cookies import Way
from tocsin.dashboard.forms import Fields
from tocsin.dashboard.inside import Answer
from tocsin.dashboard.nav import NAV
from tocsin.dashboard.site import Site
from tocsin.dashboard.visitors import Visitor
from tocsin.domain.ids import to_uuid
from tocsin.store import Connection
from tocsin.store import views_overview as views


@dataclass
class Page:
    """What a page function is given.

    `who`: who is signed in, None on public pages. `form`, `query`: what was sent. `refusal`: set where the form that
    was sent was refused, and the page is shown again for it. `change`: on a request for the live parts alone, the
    number of the change that it follows.
    """

    site: Site
    request: Request
    way: Way
    now: int
    who: Visitor | None
    visit: str
    query: Fields
    form: Fields = field(default_factory=Fields)
    refusal: Refused | None = None
    change: int | None = None
    notices: list[str] = field(default_factory=list)
    is_shared: bool = False
    #: Microseconds of a core that it has taken.
    took: Callable[[], int] = field(default_factory=effort)

    # --- who and where --------------------------------------------------------------------------------------------

    @property
    def visitor(self) -> Visitor:
        """Who is signed in, on pages that only they see."""
        if self.who is None:
            raise LookupError("this page is public")
        return self.who

    @property
    def workspace_id(self) -> int:
        return self.visitor.principal.workspace_id or 0

    @property
    def other_workspaces(self) -> list[dict[str, Any]]:
        """Those that the visitor may switch to."""
        here = self.visitor.workspace
        return [one for one in self.visitor.workspaces if here is None or one["id"] != here["id"]]

    def may(self, right: Right) -> bool:
        """Whether to show a button. The API refuses what one may not anyway."""
        return self.who is not None and self.who.may(right)

    @property
    def path(self) -> str:
        """The address of this page within Tocsin, with its query."""
        query = self.request.url.query
        return self.request.url.path + (f"?{query}" if query else "")

    def with_query(self, **changes: str | int | None) -> str:
        """This address with these fields of its query changed; None leaves one out. Turning a leaf apart, a changed
        list begins at its first page."""
        fields = {name: value for name, value in self.query.items() if name != "page"}
        fields |= {name: str(value) for name, value in changes.items() if value is not None}
        kept = {name: value for name, value in fields.items() if changes.get(name, "") is not None}
        return self.request.url.path + (f"?{urlencode(kept)}" if kept else "")

    @property
    def public_url(self) -> str:
        return self.site.services.settings.public_url

    @property
    def zone(self) -> str:
        """The viewer's time zone, as their browser told it."""
        return answering.zone_of(self.request)

    @property
    def theme(self) -> str:
        theme = self.request.cookies.get(cookies.THEME, "")
        return theme if theme in {"light", "dark"} else ""

    def for_anybody(self) -> "Page":
        """This page as it is kept and shown to others: nothing in it is the viewer's own."""
        return replace(self, who=None, notices=[], is_shared=True)

    # --- reading and writing --------------------------------------------------------------------------------------

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """For the read models of `store.views_…`; every one of them is asked with `workspace_id`."""
        with self.site.services.store.of(self.workspace_id).read() as connection:
            yield connection

    def ask(self, method: str, path: str, body: Any = None) -> Answer:
        """Ask the management API as who is signed in (`page.ask("POST", f"/incidents/{id}/resolve")`): it checks, does,
        and writes the audit log. Raises `Refused`, which shows the page again with its sentence."""
        return self.site.inside.ask(method, path, body, token=self._token(), client=self.request.client)

    def _token(self) -> str | None:
        if self.who is None:
            return None
        principal, secrets = self.who.principal, self.site.services.secrets
        user_id, session_id = principal.user_id or 0, principal.session_id or 0
        return credentials.sign_token(secrets.signing_key, self.now, user_id, principal.workspace_id, session_id).text

    # --- answering ------------------------------------------------------------------------------------------------

    def render(self, template: str, status: int = 200, **context: Any) -> Response:
        """The page; of a request for its live parts, only what lies between the shell."""
        if self.refusal is not None:
            status = self.refusal.status
        return answering.html(self.request, self.text(template, **context), status)

    def text(self, template: str, **context: Any) -> str:
        return self.site.templates.render(template, {"page": self, **self._words(), **context})

    def go(self, path: str, notice: str = "") -> Response:
        """After a change: show another page (never the answer itself, which a reload would send again). `notice` says
        what cannot be seen there."""
        response = RedirectResponse(path, 303, headers=answering.HEADERS)
        if notice:
            cookies.keep(response, self.way, cookies.NOTICE, quote(json.dumps([notice])), 60)
        return response

    def _words(self) -> dict[str, Any]:
        return {
            "when": lambda moment, form="time": words.when(moment, self.zone, self.now, form),
            "since": lambda moment: words.span(self.now - words.micros_of(moment)),
            "shell": self._shell() if self.who is not None else None,
        }

    def _shell(self) -> dict[str, Any]:
        """What stands around every page of somebody who is signed in."""
        with self.read() as connection:
            open_incidents = views.count_open_incidents(connection, self.workspace_id)
        here = self.request.url.path
        return {
            "nav": NAV,
            "here": here,
            "open_incidents": open_incidents,
            "change": self.change or self.now // 1000,
        }

    @property
    def layout(self) -> str:
        """What every page template extends: the whole shell, or for its live parts nearly nothing."""
        return "live.html" if self.change is not None else "layout.html"

    @property
    def csrf(self) -> str:
        """For the form's hidden field. Live parts are shared between viewers: there the script fills it in."""
        if self.change is not None or self.is_shared:
            return ""
        return csrf.make_token(self.site.services.secrets.signing_key, self.visitor_name)

    @property
    def visitor_name(self) -> str:
        if self.who is not None:
            return f"session {to_uuid(self.who.principal.session_id or 0)}"
        return f"visit {self.visit}"

    def typed(self, name: str, of: str = "") -> str | None:
        """What was typed into the field of this name, where its form was refused; None: show what is saved. `of`: the
        form's `kind`, where others on the page have a field of this name too."""
        is_back = self.refusal is not None and name in self.form and self._is_from(of)
        return self.form.get(name, "") if is_back else None

    def wrong(self, name: str, of: str = "", label: str = "") -> str:
        """What is wrong with the field of this name, as the refusal says it; `label`: what the page calls it."""
        if self.refusal is None or not self._is_about(name) or not self._is_from(of):
            return ""
        called, _, sentence = self.refusal.message.partition(" ")
        return f"{label}{called[-1] if called[-1] in '.:' else ''} {sentence}" if label else self.refusal.message

    @property
    def problem(self) -> str:
        """The refusal, where it names no field that was sent: it stands above the form."""
        if self.refusal is None or any(self._is_about(name) for name in self.form):
            return ""
        return self.refusal.message

    def _is_from(self, of: str) -> bool:
        return not of or self.form.text("kind") == of

    def _is_about(self, name: str) -> bool:
        message = self.refusal.message if self.refusal is not None else ""
        return message.split(" ", 1)[0].rstrip(".,:").partition("[")[0] == name


def notices_of(request: Request) -> list[str]:
    try:
        found = json.loads(unquote(request.cookies.get(cookies.NOTICE, "[]")))
    except ValueError:
        return []
    return [str(one) for one in found] if isinstance(found, list) else []
