"""The only module that knows everybody: it wires a node from its settings."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from functools import cached_property, partial

import structlog
from starlette.applications import Starlette
from starlette.routing import BaseRoute, Match
from starlette.types import ASGIApp, Receive, Scope, Send

from tocsin.api.app import build_api
from tocsin.api.services import Services
from tocsin.application.installation import FirstStart, begin, check_key
from tocsin.clock import SystemClock
from tocsin.dashboard.app import dashboard_routes
from tocsin.dashboard.live import Hub
from tocsin.dashboard.relay import Relay
from tocsin.delivery.channel import Delivered, Site, Verdict
from tocsin.delivery.channels import HABITS
from tocsin.delivery.sender import blocking_mail_sender, blocking_objection, blocking_test_sender, open_sender
from tocsin.delivery.worker import DeliveryWorker
from tocsin.domain.ids import IdMaker
from tocsin.domain.model import SECOND
from tocsin.domain.reason import Reason
from tocsin.ingest import healthchecks_http, hexcovery_http, pingguard_http, pingguard_monitors, sentry_http
from tocsin.ingest.addresses import Addresses
from tocsin.ingest.checkpointer import Checkpointer
from tocsin.ingest.http import Senders, openapi_paths
from tocsin.ingest.http import routes as ingest_routes
from tocsin.ingest.key_use import KeyUseLoop
from tocsin.ingest.pruner import Pruner
from tocsin.ingest.pulse import Pulse
from tocsin.ingest.tally_loop import TallyLoop
from tocsin.secret_box import SecretBox
from tocsin.settings import Settings
from tocsin.store import news
from tocsin.store.engine import Store
from tocsin.store.installation import read_vitals, why_not_writable
from tocsin.store.migrations import migrate
from tocsin.supervise import Loop, finish, supervise
from tocsin.telemetry.health import health_routes
from tocsin.telemetry.heartbeat import Heartbeat
from tocsin.telemetry.metrics import Metrics

log = structlog.get_logger(__name__)

#: How long the loops may take to end once they are told to.
_STOP_SECONDS = 4.0


@dataclass
class Application:
    """A node, ready to be served: `asgi` starts and stops what runs beside the requests.

    `first_start` is set where this start began the installation.
    """

    settings: Settings
    asgi: Starlette
    store: Store
    first_start: FirstStart | None
    #: Ends what would hold up a node that is told to stop: the streams of those who look at live pages.
    release: Callable[[], None] = lambda: None


def build(settings: Settings, clock: SystemClock | None = None) -> Application:
    """Opens the database, brings it to its schema, joins the other nodes, and wires this one.

    Raises CannotMigrateError, SecretError and WrongKeyError, each with a sentence for the operator.
    """
    parts = _Parts(settings, clock or SystemClock())
    return Application(settings, parts.asgi(), parts.store, parts.first_start, parts.hub.close)


class _Parts:
    """The collaborators of one node, made once."""

    def __init__(self, settings: Settings, clock: SystemClock) -> None:
        self.settings = settings
        self.clock = clock
        self.ids = IdMaker()
        self.metrics = Metrics()
        self.site = Site(
            settings.allowed_networks,
            settings.pagerduty_url,
            settings.opsgenie_url,
            settings.smtp_url.get_secret_value(),
            settings.mail_from,
        )
        self.secrets = SecretBox.open(settings.resolved_key_file)
        self.store = Store(settings.resolved_database_url)
        self.store.on_change(self.metrics.count_changes)
        migrate(self.store)
        with self.store.write() as connection:
            check_key(connection, self.secrets.fingerprints)
            self.first_start = begin(connection, self.ids, clock.now())
        self.hub = Hub(clock)
        self.relay = None if self.store.is_sqlite else Relay(self.hub, partial(news.join, self.store.url))
        self.watchers = self.relay or self.hub
        self.pulse = Pulse(self.store, clock, self.ids, settings, self.metrics, HABITS, self.watchers)
        self.metrics.watch(tick_lag=self.pulse.tick_lag, queue_depth=self.pulse.recorder.depth)

    def asgi(self) -> Starlette:
        token = self.settings.metrics_token.get_secret_value()
        routes: list[BaseRoute] = [*health_routes(self._why_not_ready, self.metrics, token, self._refresh_vitals)]
        if self.settings.role != "worker":
            services = self.services
            senders = Senders(self.store, self.secrets, self.clock, services.key_use, services.request_rate)
            routes += ingest_routes(self.pulse.recorder, senders, self.clock)
            addresses = Addresses(self.store, self.clock)
            routes += healthchecks_http.routes(self.pulse.recorder, addresses)
            routes += sentry_http.routes(self.pulse.recorder, self.store, self.clock, self.settings.sentry_rate)
            routes += hexcovery_http.routes(self.pulse.recorder, senders)
            routes += pingguard_http.routes(self.pulse.recorder, addresses, self.clock)
            routes += pingguard_monitors.routes(services)
            api = build_api(services, openapi_paths())
            tick_lag = self.pulse.tick_lag if self.settings.role == "all" else None
            routes += dashboard_routes(services, api, self.hub, tick_lag)
            routes.append(_Rest(api))
        return Starlette(routes=routes, lifespan=self._lifespan)

    @cached_property
    def services(self) -> Services:
        send_test = blocking_test_sender(self.site, self.clock, self.ids)
        objection = blocking_objection(self.site)
        send_mail = blocking_mail_sender(self.site, self.clock)
        changed = self.watchers.turned
        return Services(
            self.store, self.clock, self.ids, self.secrets, self.settings, send_test, objection, send_mail, changed
        )

    @asynccontextmanager
    async def _lifespan(self, _: Starlette) -> AsyncIterator[None]:
        """Starts everything, and ends it the other way round: what is queued is committed before the node leaves."""
        async with AsyncExitStack() as stack:
            stack.callback(self.store.close)
            await self.pulse.start()
            stack.push_async_callback(self.pulse.stop)
            await self._start_loops(stack)
            yield
        log.info("node_stopped", reason="told to")

    async def _start_loops(self, stack: AsyncExitStack) -> None:
        loops: dict[str, Loop] = {} if self.relay is None else {"relay": self.relay.run}
        if self.settings.role != "worker":
            loops["key use"] = KeyUseLoop(self.services.key_use).run
        if self.settings.role != "api":
            sender = await stack.enter_async_context(open_sender(self.site, self._count_attempt))
            loops["delivery"] = DeliveryWorker(self.store, sender, self.secrets, self.clock, self.ids).run
            loops["tally"] = TallyLoop(self.store, self.pulse.settled_until).run
            kept, every = self.settings.retention, self.settings.prune_every_seconds
            loops["pruner"] = Pruner(self.store, self.clock, kept, every, self._count_pruned).run
            if self.store.is_sqlite:
                loops["checkpoint"] = Checkpointer(self.store).run
            if self.settings.heartbeat_url:
                loops["heartbeat"] = Heartbeat(self.settings.heartbeat_url, self.pulse.tick_lag).run
        stop = asyncio.Event()
        tasks = [asyncio.create_task(supervise(name, loop, stop), name=name) for name, loop in loops.items()]
        stack.push_async_callback(finish, tasks, _STOP_SECONDS)
        stack.callback(stop.set)

    # --- being watched --------------------------------------------------------------------------------------------

    async def _why_not_ready(self) -> str | None:
        reason = self.pulse.why_not_ready()
        return reason or await asyncio.to_thread(why_not_writable, self.store, self.clock.now())

    def _refresh_vitals(self) -> None:
        with self.store.read() as connection:
            vitals = read_vitals(connection)
        oldest_at = vitals.oldest_undelivered_at
        age = 0.0 if oldest_at is None else max(self.clock.now() - oldest_at, 0) / SECOND
        self.metrics.set_vitals(
            open_incidents=vitals.open_incidents, undelivered=vitals.undelivered, undelivered_age=age
        )

    def _count_pruned(self, reason: Reason, rows: int) -> None:
        self.metrics.pruned.labels(reason.value).inc(rows)

    def _count_attempt(self, provider: str, verdict: Verdict) -> None:
        outcome = "delivered" if isinstance(verdict, Delivered) else type(verdict).__name__.lower()
        self.metrics.delivery_attempts.labels(provider, outcome).inc()


class _Rest(BaseRoute):
    """Whatever no other route takes. A mount would leave addresses that hold a line break to the framework, and its
    plain text; so would a default leave a method that the route before does not know."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    def matches(self, scope: Scope) -> tuple[Match, Scope]:
        return Match.FULL, {}

    async def handle(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self._app(scope, receive, send)
