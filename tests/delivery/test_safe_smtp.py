"""The way out for mail, against real servers on loopback."""

import asyncio
import socket
import ssl
from collections.abc import Callable
from ipaddress import ip_network
from typing import Any

import pytest

from tests.support.postbox import (
    LOGIN,
    Postbox,
    Talk,
    certificate,
    dripping,
    flooding,
    hanging_up,
    postbox,
    rude,
    silent,
)
from tests.support.receiver import LOOPBACK
from tocsin.delivery.addresses import AddressInfo
from tocsin.delivery.channel import Answer, Mail, NoAnswer
from tocsin.delivery.safe_smtp import SafeSmtp
from tocsin.smtp_server import SmtpServer, Tls, parse_smtp_url

#: The mail server of the tests has its doubts about logins in clear text.
UNSAFE = pytest.mark.filterwarnings("ignore:Requiring AUTH", "ignore:.*login_data is deprecated")
MAIL = Mail("tocsin@tocsin.test", ("ops@example.com", "boss@example.com"), b"Subject: ring\r\n\r\n.ding\r\n")


def _send(
    prepare: Callable[[Postbox], None] = lambda _: None,
    *,
    tls: Tls = "offered",
    login: tuple[str, str] = ("", ""),
    context: ssl.SSLContext | None = None,
    allowed: Any = LOOPBACK,
    look_up: Any = None,
    **server: Any,
) -> tuple[Answer | NoAnswer, Postbox]:
    async def run() -> tuple[Answer | NoAnswer, Postbox]:
        async with postbox(**server) as box:
            prepare(box)
            more = {"look_up": look_up} if look_up else {}
            way = SafeSmtp(
                SmtpServer("127.0.0.1", box.port, tls, *login), allowed, seconds=5, tls_context=context, **more
            )
            return await way.send(MAIL), box

    return asyncio.run(run())


def _replying(stage: str, reply: str) -> Callable[[Postbox], None]:
    return lambda box: box.replies.update({stage: reply})


def test_a_mail_arrives_as_it_was_made() -> None:
    said, box = _send()
    assert said == Answer(250, {}, "2.0.0 OK: queued")
    (mail,) = box.mails
    assert (mail.mail_from, mail.rcpt_tos, mail.content) == (MAIL.sender, list(MAIL.recipients), MAIL.content)


@pytest.mark.parametrize(
    ("stage", "reply", "code"),
    [
        ("MAIL", "451 4.7.1 later", 451),
        ("MAIL", "550 5.7.1 not you", 550),
        ("DATA", "452 4.3.1 disk full", 452),
        ("DATA", "554 5.6.0 we do not like it", 554),
    ],
)
def test_a_refusal_is_an_answer(stage: str, reply: str, code: int) -> None:
    said, _ = _send(_replying(stage, reply))
    assert isinstance(said, Answer)
    assert (said.status, said.body) == (code, reply[4:])


def test_those_who_are_taken_get_it_and_the_others_are_named() -> None:
    said, box = _send(_replying("boss@example.com", "550 5.1.1 nobody here"))
    assert said == Answer(250, {}, "not to boss@example.com (550 5.1.1 nobody here). 2.0.0 OK: queued")
    assert box.mails[0].rcpt_tos == ["ops@example.com"]


def test_where_nobody_is_taken_the_one_who_may_be_later_decides() -> None:
    refused = {"ops@example.com": "550 nobody", "boss@example.com": "450 greylisted"}
    said, box = _send(lambda box: box.replies.update(refused))
    assert said == Answer(450, {}, "greylisted")
    assert box.mails == []


# --- TLS --------------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def contexts(tmp_path_factory: pytest.TempPathFactory) -> tuple[ssl.SSLContext, ssl.SSLContext]:
    return certificate(tmp_path_factory.mktemp("tls"))


@pytest.mark.parametrize(("tls", "is_implicit"), [("implicit", True), ("required", False), ("offered", False)])
def test_tls_is_used(tls: Tls, is_implicit: bool, contexts: tuple[ssl.SSLContext, ssl.SSLContext]) -> None:
    said, box = _tls(tls, is_implicit, *contexts)
    assert isinstance(said, Answer)
    assert box.was_encrypted


def _tls(
    tls: Tls, is_implicit: bool, server: ssl.SSLContext, client: ssl.SSLContext | None
) -> tuple[Answer | NoAnswer, Postbox]:
    async def run() -> tuple[Answer | NoAnswer, Postbox]:
        async with postbox(tls=server, is_implicit=is_implicit) as box:
            way = SafeSmtp(SmtpServer("127.0.0.1", box.port, tls), LOOPBACK, seconds=5, tls_context=client)
            return await way.send(MAIL), box

    return asyncio.run(run())


@pytest.mark.parametrize(("tls", "is_implicit"), [("implicit", True), ("required", False), ("offered", False)])
def test_a_certificate_nobody_vouches_for_is_refused(
    tls: Tls, is_implicit: bool, contexts: tuple[ssl.SSLContext, ssl.SSLContext]
) -> None:
    said, box = _tls(tls, is_implicit, contexts[0], None)
    assert isinstance(said, NoAnswer)
    assert (said.reason, said.may_have_arrived, box.mails) == ("tls_failed", False, [])


def test_without_starttls_nothing_is_said_where_it_is_required() -> None:
    said, box = _send(tls="required")
    assert isinstance(said, NoAnswer)
    assert (said.reason, box.mails) == ("mail_server_refused", [])
    assert "STARTTLS" in said.detail


# --- the login --------------------------------------------------------------------------------------------------------


@UNSAFE
def test_it_logs_in() -> None:
    said, box = _send(wants_login=True, login=LOGIN)
    assert isinstance(said, Answer)
    assert box.logins == [LOGIN]


@UNSAFE
def test_a_login_that_is_refused_may_be_mended_by_the_operator() -> None:
    said, _ = _send(wants_login=True, login=("bell", "s3cr3t-pass"))
    assert isinstance(said, NoAnswer)
    assert (said.reason, said.is_permanent) == ("mail_server_refused", False)
    assert "s3cr3t" not in said.detail


# --- servers that misbehave -------------------------------------------------------------------------------------------


def _rude(talk: Talk, seconds: float = 0.5) -> NoAnswer:
    async def run() -> Answer | NoAnswer:
        async with rude(talk) as port:
            return await SafeSmtp(SmtpServer("127.0.0.1", port, "none"), LOOPBACK, seconds=seconds).send(MAIL)

    said = asyncio.run(run())
    assert isinstance(said, NoAnswer)
    return said


@pytest.mark.parametrize("talk", [silent, dripping])
def test_the_whole_has_its_time(talk: Talk) -> None:
    said = _rude(talk)
    assert (said.reason, said.may_have_arrived) == ("timeout", False)


def test_a_flood_is_not_listened_to() -> None:
    assert _rude(flooding, 5).reason in {"mail_server_refused", "connection_failed"}


def test_who_hangs_up_after_the_mail_may_have_it() -> None:
    said = _rude(hanging_up, 5)
    assert (said.reason, said.may_have_arrived) == ("no_answer", True)


def test_a_closed_port_has_not_got_it() -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        server = SmtpServer("127.0.0.1", unused.getsockname()[1], "none")
        said = asyncio.run(SafeSmtp(server, LOOPBACK).send(MAIL))
    assert said == NoAnswer("connection_failed", "The mail server could not be connected to.", False)


def test_without_a_server_the_sentence_names_the_setting() -> None:
    said = asyncio.run(SafeSmtp(None).send(MAIL))
    assert isinstance(said, NoAnswer)
    assert "TOCSIN_SMTP_URL" in said.detail
    assert not said.is_permanent


# --- addresses --------------------------------------------------------------------------------------------------------


def test_an_address_that_is_not_permitted_is_not_dialled() -> None:
    said, box = _send(allowed=[])
    assert isinstance(said, NoAnswer)
    assert (said.reason, box.mails) == ("destination_refused", [])
    assert said.detail.startswith("The mail server's address is not public (loopback)")


def test_one_bad_record_refuses_all() -> None:
    def look_up(_: str, port: int, __: int) -> list[AddressInfo]:
        found = ("8.8.8.8", "127.0.0.1")
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port)) for address in found]

    said, _ = _send(allowed=[ip_network("10.0.0.0/8")], look_up=look_up)
    assert isinstance(said, NoAnswer)
    assert said.reason == "destination_refused"


def test_a_public_address_is_not_spoken_to_in_clear_text() -> None:
    def look_up(_: str, port: int, __: int) -> list[AddressInfo]:
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("8.8.8.8", port))]

    said, _ = _send(tls="none", look_up=look_up)
    assert isinstance(said, NoAnswer)
    assert said.reason == "destination_refused"
    assert "in clear text only" in said.detail


# --- TOCSIN_SMTP_URL --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("url", "server"),
    [
        ("smtp://mail.example", SmtpServer("mail.example", 587, "offered")),
        ("smtps://mail.example", SmtpServer("mail.example", 465, "implicit")),
        ("smtp://u%40x:p%2F%25@mail.example:25/", SmtpServer("mail.example", 25, "offered", "u@x", "p/%")),
        ("smtp://mail.example?tls=required", SmtpServer("mail.example", 587, "required")),
        ("smtp://[::1]:25?tls=none", SmtpServer("::1", 25, "none")),
    ],
)
def test_a_url_names_server_login_and_tls(url: str, server: SmtpServer) -> None:
    assert parse_smtp_url(url) == server


@pytest.mark.parametrize(
    "url",
    [
        "mail.example",
        "http://mail.example",
        "smtp://",
        "smtp://u:s3cr3t@",
        "smtp://mail.example:0x",
        "smtp://mail.example:99999",
        "smtp://mail.example/path",
        "smtp://mail.example?tls=maybe",
        "smtp://mail.example?verify=no",
        "smtps://mail.example?tls=none",
        "smtp://mail.ex\nample",
    ],
)
def test_a_url_that_is_none_is_refused_without_being_repeated(url: str) -> None:
    with pytest.raises(ValueError, match="must be smtp://") as caught:
        parse_smtp_url(url)
    assert "s3cr3t" not in str(caught.value)
