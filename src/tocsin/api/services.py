"""What the management API is built from."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cached_property

from tocsin.application.keys import KeyUse
from tocsin.application.login_throttle import LoginThrottle
from tocsin.application.request_rate import RequestRate
from tocsin.clock import Clock
from tocsin.delivery.channel import Config, Verdict
from tocsin.domain.ids import IdMaker
from tocsin.secret_box import SecretBox
from tocsin.settings import Settings
from tocsin.store.engine import Store


@dataclass
class Services:
    """Collaborators, made by `bootstrap`.

    `send_test(provider, config)` sends a test alert over a channel and returns what became of it; it is called from a
    thread and may take as long as a receiver does. `objection(provider, config)` names a field and what is wrong with
    it, in a config whose form is right, or nothing; it may take a second, so it is asked outside of any transaction.
    `send_mail(to, subject, text)` sends a mail, from a thread too, and says whether the server took it; None where the
    operator has set no mail server. `changed(workspaces)` is told of each change made through the API, once committed.
    """

    store: Store
    clock: Clock
    ids: IdMaker
    secrets: SecretBox
    settings: Settings
    send_test: Callable[[str, Config], Verdict]
    objection: Callable[[str, Config], str] = lambda _provider, _config: ""
    send_mail: Callable[[str, str, str], bool] | None = None
    changed: Callable[[Iterable[int]], None] = lambda _workspaces: None

    @cached_property
    def throttle(self) -> LoginThrottle:
        return LoginThrottle(self.store)

    @cached_property
    def request_rate(self) -> RequestRate:
        return RequestRate(self.store, self.settings.api_rate)

    @cached_property
    def key_use(self) -> KeyUse:
        return KeyUse(self.store)
