"""Mails about no incident: links that set a password, invitations."""

import asyncio
from ipaddress import ip_network

import pytest

from tests.support.alerting import NOON
from tests.support.postbox import Postbox, postbox
from tocsin.clock import ManualClock
from tocsin.delivery.channel import Site
from tocsin.delivery.sender import blocking_mail_sender

LINK = "https://tocsin.test/password#" + "x" * 43


def _send(to: str, subject: str = "A new password", refusal: str = "") -> tuple[bool, Postbox]:
    async def run() -> tuple[bool, Postbox]:
        async with postbox() as box:
            if refusal:
                box.replies["DATA"] = refusal
            url = f"smtp://127.0.0.1:{box.port}?tls=none"
            site = Site([ip_network("127.0.0.0/8")], smtp_url=url, mail_from="Tocsin <bell@tocsin.test>")
            send = blocking_mail_sender(site, ManualClock(NOON))
            assert send is not None
            return await asyncio.to_thread(send, to, subject, f"Open this link:\n\n{LINK}\n"), box

    return asyncio.run(run())


def test_a_mail_arrives_whole() -> None:
    was_sent, box = _send("anna@example.com")
    mail = box.parsed()
    assert was_sent
    assert (box.mails[0].mail_from, box.mails[0].rcpt_tos) == ("bell@tocsin.test", ["anna@example.com"])
    assert (mail["To"], mail["From"], mail["Subject"]) == (
        "anna@example.com",
        "Tocsin <bell@tocsin.test>",
        "A new password",
    )
    assert LINK in mail.get_content()
    assert mail["Auto-Submitted"] == "auto-generated"


def test_a_subject_has_one_line() -> None:
    _, box = _send("anna@example.com", "Invitation to Acme\r\nBcc: eve@example.com")
    assert box.parsed()["Bcc"] is None
    assert box.mails[0].rcpt_tos == ["anna@example.com"]


def test_a_refusal_is_told() -> None:
    assert _send("anna@example.com", refusal="550 no")[0] is False


@pytest.mark.parametrize("to", ["anna", "a>b@example.com", 'a"b@example.com', "ä@example.com", "a,b@example.com", ""])
def test_what_is_no_address_gets_no_mail(to: str) -> None:
    was_sent, box = _send(to)
    assert (was_sent, box.mails) == (False, [])


def test_without_a_mail_server_there_is_no_way() -> None:
    assert blocking_mail_sender(Site(), ManualClock(NOON)) is None
