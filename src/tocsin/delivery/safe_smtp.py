"""The way out for mail: one message to the operator's SMTP server, at an address that was checked when it was dialled.

The server is held to the same list of addresses as every receiver: one that is not public must be permitted by
TOCSIN_ALLOW_DESTINATIONS, and one that is not permitted is spoken to over TLS only. 30 s overall.
"""

import asyncio
import re
import socket
import ssl
from collections.abc import Sequence
from contextlib import suppress
from ipaddress import ip_address
from types import SimpleNamespace

import aiosmtplib
from aiosmtplib import SMTP, SMTPResponse

from tocsin.delivery.addresses import LookUp, look_up_checked, system_look_up
from tocsin.delivery.channel import Answer, Mail, NoAnswer, one_line
from tocsin.delivery.destinations import BadDestinationError, Network, check_address, is_allowed
from tocsin.smtp_server import SmtpServer

OVERALL_SECONDS = 30.0
#: For a polite farewell, when all is said.
_QUIT_SECONDS = 1.0
_DETAIL_LIMIT = 200


class SafeSmtp:
    """Sends mail by one server, or by none. `hello`: the name Tocsin greets with."""

    def __init__(
        self,
        server: SmtpServer | None,
        allowed: Sequence[Network] = (),
        *,
        seconds: float = OVERALL_SECONDS,
        look_up: LookUp = system_look_up,
        tls_context: ssl.SSLContext | None = None,
        hello: str = "localhost",
    ) -> None:
        self._server = server
        self._allowed = allowed
        self._seconds = seconds
        self._look_up = look_up
        self._tls_context = tls_context
        self._hello = hello

    async def send(self, mail: Mail) -> Answer | NoAnswer:
        """Sends once. Never raises for what the server does; nothing returned holds the password."""
        if self._server is None:
            detail = "The operator of this Tocsin has set no mail server (TOCSIN_SMTP_URL)."
            return NoAnswer("no_mail_server", detail, may_have_arrived=False)
        progress = SimpleNamespace(is_sent=False, client=None)
        try:
            async with asyncio.timeout(self._seconds):
                answer = await self._exchange(self._server, mail, progress)
            await _farewell(progress.client)
        except (aiosmtplib.SMTPException, BadDestinationError, OSError, ValueError) as error:
            return self._no_answer(error, is_sent=progress.is_sent)
        else:
            return answer
        finally:
            if progress.client is not None:
                progress.client.close()

    async def _exchange(self, server: SmtpServer, mail: Mail, progress: SimpleNamespace) -> Answer:
        client = progress.client = await self._connect(server)
        if server.username:
            try:
                await client.login(server.username, server.password)
            except (aiosmtplib.SMTPAuthenticationError, aiosmtplib.SMTPNotSupported):
                raise _ServerError("The mail server did not accept Tocsin's user name and password.") from None
        return await _transfer(client, mail, progress)

    async def _connect(self, server: SmtpServer) -> SMTP:
        """A greeted server, over TLS where it has to be."""
        dialled, address = await self._dial(server)
        client = SMTP(
            hostname=server.host,
            sock=dialled,
            use_tls=server.tls == "implicit",
            start_tls=False,
            timeout=self._seconds,
            tls_context=self._tls_context,
            local_hostname=self._hello,
        )
        try:
            await client.connect()
            await client.ehlo()
            await self._start_tls(server, client, address)
        except BaseException:
            client.close()
            dialled.close()
            raise
        return client

    async def _start_tls(self, server: SmtpServer, client: SMTP, address: str) -> None:
        if server.tls in {"implicit", "none"}:
            return
        if client.supports_extension("starttls"):
            await client.starttls()
        elif server.tls == "required" or not is_allowed(ip_address(address), self._allowed):
            raise _ServerError("The mail server offers no STARTTLS, and may not be spoken to in clear text.")

    async def _dial(self, server: SmtpServer) -> tuple[socket.socket, str]:
        """A connected socket and the address it leads to: the first of the host's that answers."""

        def check(address: str) -> None:
            check_address(address, self._allowed, is_https=True)
            if server.tls == "none" and not is_allowed(ip_address(address), self._allowed):
                raise BadDestinationError(
                    "The mail server may be spoken to in clear text only at an address that the operator has permitted "
                    "with TOCSIN_ALLOW_DESTINATIONS."
                )

        records = await look_up_checked(self._look_up, check, server.host, server.port)
        failure: OSError = OSError("no address")
        for family, kind, protocol, _, address in records:
            made = socket.socket(family, kind, protocol)
            made.setblocking(False)
            try:
                await asyncio.get_running_loop().sock_connect(made, address)
            except BaseException as error:
                made.close()
                if not isinstance(error, OSError):
                    raise
                failure = error
            else:
                return made, address[0]
        raise failure

    def _no_answer(self, error: Exception, *, is_sent: bool) -> NoAnswer:
        """Our own words for what went wrong."""
        match error:
            case BadDestinationError():
                reason, detail = "destination_refused", str(error).replace("The receiver's", "The mail server's")
            case _ServerError():
                reason, detail = "mail_server_refused", str(error)
            case TimeoutError():
                reason, detail = "timeout", f"No answer from the mail server within {self._seconds:g} s."
            case socket.gaierror():
                reason, detail = "host_not_found", "The mail server's host name has no address."
            case _ if _is_tls_failure(error):
                reason, detail = "tls_failed", "The mail server's TLS certificate was not accepted."
            case aiosmtplib.SMTPResponseException():
                said = one_line(self._without_login(error.message), _DETAIL_LIMIT)
                reason, detail = "mail_server_refused", f"SMTP {error.code}: {said}"
            case _ if is_sent:
                reason, detail = "no_answer", "The mail server closed the connection without a readable answer."
            case _:
                reason, detail = "connection_failed", "The mail server could not be connected to."
        return NoAnswer(reason, detail, may_have_arrived=is_sent)

    def _without_login(self, text: str) -> str:
        password = self._server.password if self._server else ""
        return text.replace(password, "***") if password else text


class _ServerError(aiosmtplib.SMTPException):
    """The operator's mail server and Tocsin do not go together as they are set."""


async def _transfer(client: SMTP, mail: Mail, progress: SimpleNamespace) -> Answer:
    """Sender, recipients, content. It goes to whoever the server takes; of the others it is told in the answer."""
    try:
        await client.mail(mail.sender)
    except aiosmtplib.SMTPSenderRefused as refusal:
        return _answer(refusal.code, refusal.message)
    refused: dict[str, SMTPResponse] = {}
    for recipient in mail.recipients:
        try:
            await client.rcpt(recipient)
        except aiosmtplib.SMTPRecipientRefused as refusal:
            refused[recipient] = SMTPResponse(refusal.code, refusal.message)
    if len(refused) == len(mail.recipients):
        # Where one may be taken later, the mail is worth another try.
        worst = min(refused.values(), key=lambda reply: reply.code)
        return _answer(worst.code, worst.message)
    progress.is_sent = True
    try:
        reply = await client.data(mail.content)
    except aiosmtplib.SMTPDataError as refusal:
        return _answer(refusal.code, refusal.message)
    left_out = "; ".join(f"not to {name} ({reply.code} {reply.message})" for name, reply in refused.items())
    return _answer(reply.code, f"{left_out}. {reply.message}" if left_out else reply.message)


def _answer(code: int, message: str) -> Answer:
    return Answer(code, {}, re.sub(r"[\r\n]+", " ", message))


def _is_tls_failure(error: BaseException) -> bool:
    seen: BaseException | None = error
    while seen is not None:
        if isinstance(seen, ssl.SSLError):
            return True
        seen = seen.__cause__ or seen.__context__
    return False


async def _farewell(client: SMTP) -> None:
    """What the server said stands, whether it takes leave or not."""
    with suppress(aiosmtplib.SMTPException, OSError):
        async with asyncio.timeout(_QUIT_SECONDS):
            await client.quit()
