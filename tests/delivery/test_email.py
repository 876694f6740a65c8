from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.alerting import NOON, content
from tocsin.delivery.channel import Answer, BadConfigError, Delivered, Refused, Retry
from tocsin.delivery.channels.email import Email
from tocsin.delivery.message import compose

CONFIG = {"to": ["ops@example.com", "on-call@example.com"]}
FROM = "Tocsin Ü <alerts@a-rather-long-name-of-a-monitoring-host.example-company.com>"
DOMAIN = "a-rather-long-name-of-a-monitoring-host.example-company.com"
INCIDENT = f"<incident-{content()['incident']['id']}@{DOMAIN}>"
HEADERS = {
    "From", "To", "Subject", "Date", "Message-ID", "In-Reply-To", "References", "Auto-Submitted",
    "X-Auto-Response-Suppress", "MIME-Version", "Content-Type",
}  # fmt: skip


def _mail(kind: str = "opened", *names: str, delivery: str = "delivery-1", **changes: Any) -> EmailMessage:
    sent = Email(FROM).request(CONFIG, compose(delivery, content(kind, *names, **changes), NOON, NOON), NOON)
    assert sent.sender == f"alerts@{DOMAIN}"
    assert sent.recipients == tuple(CONFIG["to"])
    mail = message_from_bytes(sent.content, policy=default)
    assert isinstance(mail, EmailMessage)
    return mail


def _part(mail: EmailMessage, kind: str) -> str:
    part = mail.get_body(preferencelist=(kind,))
    assert part is not None
    return str(part.get_content())


def test_it_says_the_same_as_text_and_as_html() -> None:
    mail = _mail("opened", "Acme")
    assert mail["Subject"] == "Daily Report missed a run for Acme"
    assert mail["To"] == "ops@example.com, on-call@example.com"
    assert mail["From"] == FROM
    assert mail.get_content_type() == "multipart/alternative"
    for kind in ("plain", "html"):
        text = _part(mail, kind)
        assert "Affected customers: Acme" in text
        assert content()["url"] in text
        assert "https://wiki.example/daily" in text


def test_an_incident_is_one_conversation() -> None:
    first, later = _mail("opened", "Acme"), _mail("resolved", "Acme", delivery="delivery-2")
    assert first["Message-ID"] == INCIDENT
    assert first["References"] is None
    assert later["Message-ID"] == f"<delivery-delivery-2@{DOMAIN}>"
    assert later["References"] == later["In-Reply-To"] == INCIDENT


def test_ids_are_not_encoded_as_if_they_were_prose() -> None:
    message = compose("delivery-2", content("resolved", "Acme"), NOON, NOON)
    assert f"In-Reply-To: {INCIDENT}\r\n".encode() in Email(FROM).request(CONFIG, message, NOON).content


def test_a_later_attempt_is_the_same_mail() -> None:
    message = compose("delivery-2", content("resolved", "Acme"), NOON, NOON)
    first, second = (Email(FROM).request(CONFIG, message, now).content for now in (NOON, NOON + 3_600_000_000))
    ids = [message_from_bytes(mail)["Message-ID"] for mail in (first, second)]
    assert ids[0] == ids[1]


def test_no_name_becomes_markup() -> None:
    html = _part(_mail("opened", '<img src=x onerror="alert(1)">'), "html")
    assert "<img" not in html
    assert "&lt;img" in html


@given(st.text(), st.text())
def test_no_name_becomes_a_header_or_a_recipient(job: str, tenant: str) -> None:
    incident = {**content()["incident"], "jobName": job or "x"}
    message = compose("id", content("opened", tenant or "x", incident=incident, reason=tenant), NOON, NOON)
    sent = Email(FROM).request(CONFIG, message._replace(title=job), NOON)
    assert sent.recipients == tuple(CONFIG["to"])
    mail = message_from_bytes(sent.content, policy=default)
    assert set(mail.keys()) <= HEADERS
    assert mail["To"] == "ops@example.com, on-call@example.com"


@pytest.mark.parametrize(
    "title", ["Ring\r\nBcc: evil@example.com", "Ring\nBcc: evil@example.com\n\nbody", "a\x00b\u2028c"]
)
def test_a_title_stays_on_its_line(title: str) -> None:
    message = compose("id", content("opened", "Acme"), NOON, NOON)._replace(title=title)
    mail = message_from_bytes(Email(FROM).request(CONFIG, message, NOON).content, policy=default)
    assert set(mail.keys()) <= HEADERS
    assert "\n" not in mail["Subject"]


@pytest.mark.parametrize(
    ("to", "says"),
    [
        (None, "to is required"),
        ([], "to is required"),
        ("ops@example.com", "to is required: a list"),
        ([5], r"to\[0\] must be a plain e-mail address"),
        (["ops@example.com", "no address"], r"to\[1\] must be"),
        (["Ops <ops@example.com>"], r"to\[0\] must be"),
        (["ops@example.com\r\nRCPT TO:<evil@example.com>"], r"to\[0\] must be"),
        (["ops@example.com\n"], r"to\[0\] must be"),
        (["a,b@example.com"], r"to\[0\] must be"),
        (["ops@-example.com"], r"to\[0\] must be"),
        (["ops@[127.0.0.1]"], r"to\[0\] must be"),
        (["ops@exämple.com"], r"to\[0\] must be"),
        (["x" * 65 + "@example.com"], r"to\[0\] must be"),
        (["@example.com"], r"to\[0\] must be"),
        ([f"ops{number}@example.com" for number in range(51)], "to must hold at most 50"),
    ],
)
def test_a_list_that_is_none_is_refused(to: Any, says: str) -> None:
    with pytest.raises(BadConfigError, match=f"^{says}"):
        Email().validate({"to": to}, [])


def test_nobody_gets_it_twice() -> None:
    given_twice = ["ops@example.com", "o'b+tag@sub.example.com", "ops@example.com", "root@localhost"]
    config = Email().validate({"to": given_twice}, []).config
    assert config == {"to": ["ops@example.com", "o'b+tag@sub.example.com", "root@localhost"]}


@pytest.mark.parametrize(
    ("code", "kind"), [(250, Delivered), (251, Delivered), (421, Retry), (452, Retry), (550, Refused)]
)
def test_codes_are_judged(code: int, kind: type) -> None:
    verdict = Email().judge(CONFIG, Answer(code, {}, "2.0.0 so it is"), NOON)
    assert isinstance(verdict, kind)
    assert (verdict.detail, verdict.status) == (f"SMTP {code}: 2.0.0 so it is", code)
