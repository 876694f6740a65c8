"""Every kind of channel there is: a new one is its file and a line here."""

from tocsin.delivery.channel import Provider
from tocsin.delivery.channels.slack import Slack
from tocsin.delivery.channels.webhook import Webhook
from tocsin.domain.routing import Habits

PROVIDERS: dict[str, Provider] = {
    "slack": Slack(),
    "webhook": Webhook(),
}

#: What those who put alerts into the outbox need to know of them.
HABITS = Habits(
    share=frozenset(name for name, one in PROVIDERS.items() if one.is_read_by_people),
    keep_state=frozenset(name for name, one in PROVIDERS.items() if one.keeps_state),
)
