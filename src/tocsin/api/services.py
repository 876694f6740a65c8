"""What the management API is built from."""

from collections.abc import Callable
from dataclasses import dataclass, field

from tocsin.application.login_throttle import LoginThrottle
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
    """

    store: Store
    clock: Clock
    ids: IdMaker
    secrets: SecretBox
    settings: Settings
    send_test: Callable[[str, Config], Verdict]
    objection: Callable[[str, Config], str] = lambda _provider, _config: ""
    throttle: LoginThrottle = field(default_factory=LoginThrottle)
