"""The dashboard in process: real pages, a real database, and a browser that keeps cookies and sends forms."""

import re
from collections.abc import Iterator
from typing import Any

import httpx2
import pytest
from starlette.applications import Starlette
from starlette.testclient import TestClient

from tests.support.house import NOON, House
from tests.support.routes import borrow_api, give_back
from tests.support.waiting import wait_until
from tocsin.api.services import Services
from tocsin.application import accounts
from tocsin.application.passwords import hash_password
from tocsin.clock import ManualClock
from tocsin.dashboard.app import dashboard_routes
from tocsin.dashboard.live import Hub
from tocsin.delivery.channel import Delivered
from tocsin.domain.model import SECOND
from tocsin.secret_box import SecretBox
from tocsin.settings import Settings
from tocsin.store.engine import Store

PASSWORD = "correct horse battery staple"
_HASH = hash_password(PASSWORD)
_CSRF = re.compile(r'<meta name="csrf" content="([^"]+)">')
Answer = httpx2.Response


def text_of(page: str) -> str:
    """What somebody reads."""
    body = page.split('<main class="main"')[1].split("</main>", maxsplit=1)[0]
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", body))


class Browser:
    """Opens pages and sends forms as somebody would; it follows redirects."""

    def __init__(self, client: TestClient) -> None:
        self.client = client
        self.csrf = ""

    def open(self, path: str, status: int = 200, **headers: str) -> str:
        answer = self.client.get(path, headers={name.replace("_", "-"): value for name, value in headers.items()})
        assert answer.status_code == status, f"{answer.status_code} {answer.text[-2000:]}"
        return self._remember(answer)

    def send(self, path: str, status: int = 200, /, **fields: Any) -> str:
        """Send a form of the page that was opened last."""
        answer = self.post(path, {"csrf": self.csrf, **fields})
        assert answer.status_code == status, f"{answer.status_code} {answer.text[-2000:]}"
        return self._remember(answer)

    def post(self, path: str, fields: dict[str, Any], **headers: str) -> Answer:
        return self.client.post(path, data=fields, headers={n.replace("_", "-"): v for n, v in headers.items()})

    def sign_in(self, email: str, password: str = PASSWORD) -> str:
        self.open("/sign-in")
        return self.send("/sign-in", email=email, password=password)

    def _remember(self, answer: Answer) -> str:
        if found := _CSRF.search(answer.text):
            self.csrf = found[1]
        return answer.text


class Dashboard:
    """A house with its dashboard, and people who may look at it."""

    def __init__(self, store: Store, clock: ManualClock, **settings: Any) -> None:
        self.house = House(store)
        self.clock = clock
        self.mails: list[tuple[str, str, str]] = []
        self.services = Services(
            store,
            clock,
            self.house.ids,
            SecretBox([b"\0" * 32]),  # the house seals its channel with it
            Settings(**{"base_url": "http://localhost", "registration": "open", **settings}),
            lambda _provider, _config: Delivered("HTTP 200: ok", 200),
            send_mail=self._mail,
        )
        self._api = borrow_api(self.services)
        self.hub = Hub(clock)
        routes = dashboard_routes(self.services, self._api, self.hub, lambda: 0.2)
        self.client = TestClient(Starlette(routes=routes), base_url="http://localhost")
        self._browsers = [self.client]

    def browser(self, base_url: str = "http://localhost") -> Browser:
        """Another browser, with no cookies yet."""
        client = TestClient(self.client.app, base_url=base_url)
        client.__enter__()
        self._browsers.append(client)
        return Browser(client)

    def pass_time(self, until: float) -> None:
        """Let everything fall due up to `until`, in seconds from noon, and look at the clock then."""
        self.house.pass_time(until)
        self.clock.moment = NOON + round(until * SECOND)

    def close(self) -> None:
        for client in self._browsers[1:]:
            client.__exit__(None, None, None)
        give_back(self._api)

    def add_user(self, email: str, role: str | None = "owner", name: str = "") -> None:
        with self.services.store.write() as connection:
            now, ids = self.clock.now(), self.services.ids
            user = accounts.create_user(connection, ids, now, email, _HASH, name or email.partition("@")[0].title())
            if role is not None:
                accounts.join(connection, now, self.house.workspace_id, user["id"], role)

    def as_(self, role: str = "owner") -> Browser:
        """A browser in which a member with this role has signed in."""
        email = f"{role}@example.com"
        self.add_user(email, role)
        browser = self.browser()
        browser.sign_in(email)
        return browser

    def mail_link(self) -> str:
        """The token of the link in the one mail that was sent."""
        (_, _, text) = wait_until(lambda: self.mails, 5, "the mail").pop()
        found = re.search(r"#(\S+)", text)
        assert found
        return found[1]

    def _mail(self, to: str, subject: str, text: str) -> bool:
        self.mails.append((to, subject, text))
        return True


@pytest.fixture
def dashboard(sqlite_store: Store, clock: ManualClock) -> Iterator[Dashboard]:
    made = Dashboard(sqlite_store, clock)
    yield made
    made.close()
