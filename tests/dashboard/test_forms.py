"""Every form of every page: what is wrong is said where it can be read, and nothing that was typed is lost."""

import re
from html.parser import HTMLParser
from typing import NamedTuple

from tests.dashboard.conftest import Browser, Dashboard
from tests.dashboard.test_links import furnish, walk
from tocsin.store import schema

#: Longer than any field takes; no number, no address, no moment.
_ENDLESS = "x" * 6_000
_TYPED = {"text", "search", "url", "email", "number", "datetime-local", "password", "textarea"}
_SENSIBLE = {
    "startsAt": "2026-02-01T02:00",
    "endsAt": "2026-02-01T04:00",
    "email": "mara@example.com",
    "jobKey": "fresh",
    "name": "Fresh",
    "config.url": "https://example.com/hook",
    "config.webhookUrl": "https://example.com/hook",
}
_VOID = {"input", "br", "hr", "img", "meta", "link", "col", "wbr", "base", "source"}
Attributes = dict[str, str]


class Field(NamedTuple):
    """`kind`: its type, or its element where that has none."""

    name: str
    kind: str
    value: str
    is_required: bool

    @property
    def filled(self) -> str:
        """What it holds, or what somebody could have typed where it must hold something."""
        return self.value or ((_SENSIBLE.get(self.name) or _SENSIBLE.get(self.kind, "1")) if self.is_required else "")


class Form(NamedTuple):
    """`fields`: what a browser would send."""

    action: str
    is_hidden: bool
    fields: list[Field]


class _Reader(HTMLParser):
    """The forms of a page, and what stands beside the fields; what lies in a closed popover is not seen."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.forms: list[Form] = []
        self.sentences: list[str] = []
        self._open: list[tuple[str, Attributes]] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        if tag not in _VOID:
            self._open.append((tag, given))
        if tag == "form" and given.get("method") == "post":
            self.forms.append(Form(given["action"], self._is_hidden(), []))
        elif tag == "option":
            self._choose(given)
        elif tag in {"input", "textarea", "select"} and "name" in given and self._is_in_form():
            kind = given.get("type", "text") if tag == "input" else tag
            if kind not in {"checkbox", "radio"} or "checked" in given:
                self.forms[-1].fields.append(Field(given["name"], kind, given.get("value", ""), "required" in given))

    def handle_endtag(self, tag: str) -> None:
        while self._open and self._open.pop()[0] != tag:
            pass

    def handle_data(self, data: str) -> None:
        if self._open and self._open[-1][0] == "textarea" and self._is_in_form():
            fields = self.forms[-1].fields
            fields[-1] = fields[-1]._replace(value=data)
        is_said = any("field-error" in given.get("class", "") for _, given in self._open)
        if is_said and data.strip() and not self._is_hidden():
            self.sentences.append(data.strip())

    def _choose(self, given: Attributes) -> None:
        """The option that is selected, or else the first."""
        fields = self.forms[-1].fields if self._is_in_form() else []
        if fields and fields[-1].kind == "select" and ("selected" in given or not fields[-1].is_required):
            fields[-1] = fields[-1]._replace(value=given.get("value", ""), is_required=True)

    def _is_hidden(self) -> bool:
        return any("popover" in given for _, given in self._open)

    def _is_in_form(self) -> bool:
        return any(tag == "form" and given.get("method") == "post" for tag, given in self._open)


def _forms(browser: Browser) -> list[Form]:
    """One of each kind: of many tenants, jobs and incidents the first."""
    found: dict[tuple[str, ...], Form] = {}
    for answer in walk(browser).values():
        for form in _Reader(answer.text).forms if "text/html" in answer.headers["content-type"] else []:
            shape = re.sub(r"[0-9a-f]{8}-[0-9a-f-]{27}|(?<=/jobs/)[^/]+", "*", form.action)
            found.setdefault((shape, *(field.name for field in form.fields)), form)
    return list(found.values())


def _faults(browser: Browser, form: Form, field: Field) -> list[str]:
    """What is wrong with how the page answers when this field holds what it cannot."""
    sent: dict[str, list[str]] = {}
    for one in form.fields:
        sent.setdefault(one.name, []).append(_ENDLESS if one == field else one.filled)
    answer = browser.post(form.action, {**sent, "csrf": browser.csrf})
    if answer.status_code == 200:
        return []
    back = _Reader(answer.text)
    again = [it for one in back.forms if one.action == form.action and not one.is_hidden for it in one.fields]
    faults = [] if answer.status_code in {409, 422} else [f"answers {answer.status_code}"]
    faults += [] if back.sentences else ["says nothing beside the field"]
    faults += [] if again else ["does not show the form again"]
    is_kept = field.kind == "password" or _ENDLESS in {one.value for one in again if one.name == field.name}
    return faults + ([] if is_kept or not again else ["forgets what was typed"])


def test_what_is_wrong_is_said_and_what_was_typed_is_kept(dashboard: Dashboard) -> None:
    furnish(dashboard)
    browser = dashboard.as_()
    forms = _forms(browser)
    browser.open("/keyboard")
    tried = [(form, field) for form in forms for field in form.fields if field.kind in _TYPED]
    found = {
        f"{form.action} {field.name}": faults for form, field in tried if (faults := _faults(browser, form, field))
    }
    assert found == {}
    assert len(tried) > 80


def test_a_form_of_an_earlier_session_comes_back_as_it_was_typed(dashboard: Dashboard) -> None:
    browser = dashboard.as_()
    browser.open("/new-job")
    old = browser.csrf
    browser.sign_in("owner@example.com")
    fields = {"csrf": old, "jobKey": "half-typed", "name": "Half typed", "schedule.type": "none"}
    answer = browser.post("/new-job", fields, sec_fetch_site="same-origin")
    assert answer.status_code == 403
    assert "before you last signed in or out" in answer.text
    assert 'value="half-typed"' in answer.text
    assert dashboard.house.rows(schema.jobs) == []
    for elsewhere in ({}, {"sec_fetch_site": "cross-site"}):
        assert "half-typed" not in browser.post("/new-job", fields, **elsewhere).text


def test_who_was_signed_out_meanwhile_comes_back_to_the_form(dashboard: Dashboard) -> None:
    browser = dashboard.as_()
    browser.open("/new-job")
    browser.client.cookies.clear()
    sent = {"referer": "http://localhost/new-job?like=x", "sec_fetch_site": "same-origin"}
    assert str(browser.post("/new-job", {"csrf": browser.csrf}, **sent).url).endswith("/sign-in?next=/new-job")
    foreign = {**sent, "referer": "http://elsewhere.example/new-job"}
    assert str(browser.post("/new-job", {"csrf": browser.csrf}, **foreign).url).endswith("/sign-in")


def test_what_is_taken_is_said_beside_its_field(dashboard: Dashboard) -> None:
    dashboard.house.make_job(job_key="taken")
    browser = dashboard.as_()
    browser.open("/new-job")
    fields = {"jobKey": "taken", "name": "Taken", "schedule.type": "none"}
    assert _Reader(browser.send("/new-job", 409, **fields)).sentences == [
        "jobKey taken exists already. Choose another."
    ]
