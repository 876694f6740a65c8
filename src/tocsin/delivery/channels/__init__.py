"""Every kind of channel there is: a new one is its file and a line here."""

from tocsin.delivery.channel import Provider
from tocsin.delivery.channels.slack import Slack
from tocsin.delivery.channels.webhook import Webhook

PROVIDERS: dict[str, Provider] = {
    "slack": Slack(),
    "webhook": Webhook(),
}
