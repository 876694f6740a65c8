"""A node as a process: it listens, answers until it is told to end, and ends in order."""

import gc
import signal
import socket
import sys
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path

import structlog
import typer
import uvicorn

from tocsin import __version__
from tocsin.application.installation import WrongKeyError
from tocsin.bootstrap import Application, build
from tocsin.cli.folder_lock import FolderInUseError, lock_folder
from tocsin.cli.options import fail
from tocsin.cli.welcome import welcome
from tocsin.secret_box import SecretError
from tocsin.settings import Settings
from tocsin.store.migrations import CannotMigrateError
from tocsin.telemetry.logging import configure_logging

log = structlog.get_logger(__name__)

#: Requests in flight get this long to end; what runs beside them has the rest of the ten seconds.
_DRAIN_SECONDS = 5
_SQLITE = "sqlite:///"

Ready = Callable[[Application], None]


def run(settings: Settings, on_ready: Ready = lambda _: None) -> None:
    """Serves until SIGTERM or Ctrl-C; `on_ready` is called as soon as requests are answered."""
    configure_logging(settings.log_level)
    listener = _listen(settings.host, settings.port)
    settings = settings.model_copy(update={"port": listener.getsockname()[1]})
    lock = _lock(settings)
    application = _build(settings)
    if application.first_start:  # at once: if anything went wrong from here on, the key would never be seen
        typer.echo(welcome(settings.public_url, application.first_start))
    for number in (signal.SIGTERM, signal.SIGINT):  # uvicorn drains first, and then raises them again: a clean end
        signal.signal(number, lambda *_: sys.exit(0))
    server = Server(application, on_ready)
    with lock:
        server.run(sockets=[listener])
    if not server.started:
        fail("Tocsin could not start; the lines above say why.", code=3)


#: Objects made before the collector looks at them; Python's own figure is 700.
_YOUNG = 200_000


class Server(uvicorn.Server):
    """Says where it listens as soon as it answers."""

    def __init__(self, application: Application, on_ready: Ready) -> None:
        super().__init__(
            uvicorn.Config(
                application.asgi,
                loop="uvloop",
                http="httptools",
                access_log=False,
                server_header=False,
                forwarded_allow_ips=application.settings.trusted_proxies,
                log_config=None,
                lifespan="on",
                timeout_keep_alive=75,
                timeout_graceful_shutdown=_DRAIN_SECONDS,
            )
        )
        self._application = application
        self._on_ready = on_ready

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        if not self.started:
            return
        _settle_memory()
        settings = self._application.settings
        log.info("node_started", role=settings.role, address=settings.listening_url)
        typer.echo(f"Tocsin {__version__} listens on {settings.listening_url} (role {settings.role}).")
        sys.stdout.flush()
        self._on_ready(self._application)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        self._application.release()
        await super().shutdown(sockets)


def _settle_memory() -> None:
    """What start-up made lives as long as the process: keep the collector from walking it again and again.

    Each full walk stopped everything for 75 to 90 ms: a ping's p99 at 32 connections was 64 to 89 ms, and is 15 so.
    And let it walk the young seldom: a slice of deadlines or a batch of check-ins makes thousands of rows that die with
    it, none of them in a circle.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(_YOUNG, 10, 10)


def _lock(settings: Settings) -> AbstractContextManager[object]:
    url = settings.resolved_database_url
    try:
        return lock_folder(Path(url.removeprefix(_SQLITE))) if url.startswith(_SQLITE) else nullcontext()
    except FolderInUseError as error:
        fail(str(error))


def _build(settings: Settings) -> Application:
    try:
        return build(settings)
    except (CannotMigrateError, SecretError, WrongKeyError) as error:
        fail(str(error))


def _listen(host: str, port: int) -> socket.socket:
    try:
        family = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0][0]
        return socket.create_server((host, port), family=family, backlog=2048)
    except OSError as error:
        fail(f"Cannot listen on {host}:{port}: {error.strerror}. Choose another with --host and --port.")
