"""A mail server, as strict as a real one, that answers as it is told; and some that misbehave."""

import asyncio
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from ipaddress import ip_address
from pathlib import Path
from typing import Any

from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

LOGIN = ("bell", "r1ng%r1ng")


@dataclass
class Postbox:
    """`replies` maps a stage (a recipient, `MAIL` or `DATA`) to what is said there instead of a yes."""

    port: int = 0
    mails: list[Envelope] = field(default_factory=list)
    replies: dict[str, str] = field(default_factory=dict)
    was_encrypted: bool = False
    logins: list[tuple[str, str]] = field(default_factory=list)

    def content(self) -> bytes:
        """The last mail, as it came."""
        found = self.mails[-1].content
        assert isinstance(found, bytes)
        return found

    def parsed(self) -> EmailMessage:
        """The last mail, read."""
        return message_from_bytes(self.content(), policy=default)

    async def handle_MAIL(self, _: Any, __: Session, envelope: Envelope, address: str, ___: Any) -> str:  # noqa: N802
        if "MAIL" in self.replies:
            return self.replies["MAIL"]
        envelope.mail_from = address
        return "250 OK"

    async def handle_RCPT(self, _: Any, __: Session, envelope: Envelope, address: str, ___: Any) -> str:  # noqa: N802
        if address in self.replies:
            return self.replies[address]
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: Any, _: Session, envelope: Envelope) -> str:  # noqa: N802
        self.was_encrypted = server.transport.get_extra_info("ssl_object") is not None
        self.mails.append(envelope)
        return self.replies.get("DATA", "250 2.0.0 OK: queued")

    def authenticate(self, _: Any, __: Any, ___: Any, ____: Any, data: Any) -> AuthResult:
        assert isinstance(data, LoginPassword)
        self.logins.append((data.login.decode(), data.password.decode()))
        return AuthResult(success=self.logins[-1] == LOGIN, handled=False)


@asynccontextmanager
async def postbox(
    *, tls: ssl.SSLContext | None = None, is_implicit: bool = False, wants_login: bool = False
) -> AsyncIterator[Postbox]:
    box = Postbox()

    def protocol() -> SMTP:
        return SMTP(
            box,
            hostname="mail.test",
            tls_context=None if is_implicit else tls,
            auth_required=wants_login,
            auth_require_tls=False,
            authenticator=box.authenticate,
            loop=asyncio.get_running_loop(),
        )

    server = await asyncio.get_running_loop().create_server(protocol, "127.0.0.1", 0, ssl=tls if is_implicit else None)
    box.port = server.sockets[0].getsockname()[1]
    try:
        yield box
    finally:
        server.close()


Talk = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@asynccontextmanager
async def rude(talk: Talk) -> AsyncIterator[int]:
    """A server that does with each connection what `talk` says; its port."""

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await talk(reader, writer)
        except OSError:
            return
        finally:
            writer.close()

    server = await asyncio.start_server(handle, "127.0.0.1", 0)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()


async def silent(reader: asyncio.StreamReader, _: asyncio.StreamWriter) -> None:
    """Says nothing, for as long as somebody listens."""
    await reader.read()


async def dripping(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """A greeting that never comes to its end."""
    while True:
        writer.write(b"220-w")
        await writer.drain()
        await asyncio.sleep(0.02)


async def flooding(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """A greeting far longer than anybody asked for."""
    while True:
        writer.write(b"220-welcome\r\n" * 10_000)
        await writer.drain()


async def hanging_up(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Takes the whole mail, and is gone before it says so."""
    writer.write(b"220 mail.test\r\n")
    while line := await reader.readline():
        if line == b".\r\n":
            writer.transport.abort()
            return
        if not line.strip() or line[:4].upper() not in {b"EHLO", b"MAIL", b"RCPT", b"DATA"}:
            continue
        writer.write(b"354 go on\r\n" if line[:4].upper() == b"DATA" else b"250 fine\r\n")


def certificate(folder: Path) -> tuple[ssl.SSLContext, ssl.SSLContext]:
    """TLS for 127.0.0.1: of a server, and of a client that trusts it and nobody else."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "mail.test")])
    begin = datetime(2020, 1, 1, tzinfo=UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(begin)
        .not_valid_after(begin + timedelta(days=36_500))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False)
        .sign(key, hashes.SHA256())
    )
    pem = made.public_bytes(serialization.Encoding.PEM)
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    path = folder / "mail.pem"
    path.write_bytes(private + pem)
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(path)
    return server, ssl.create_default_context(cadata=pem.decode())
