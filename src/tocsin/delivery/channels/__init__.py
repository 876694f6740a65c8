"""Every kind of channel there is: a new one is its file and a line here."""

from tocsin.delivery.channel import Provider, Site
from tocsin.delivery.channels.apprise import Apprise
from tocsin.delivery.channels.email import Email
from tocsin.delivery.channels.opsgenie import Opsgenie
from tocsin.delivery.channels.pagerduty import PagerDuty
from tocsin.delivery.channels.slack import Slack
from tocsin.delivery.channels.teams import Teams
from tocsin.delivery.channels.webhook import Webhook
from tocsin.domain.routing import Habits


def providers(site: Site) -> dict[str, Provider]:
    """One of each kind, as the operator wants them."""
    return {
        "slack": Slack(),
        "pagerduty": PagerDuty(site.pagerduty_url),
        "opsgenie": Opsgenie(site.opsgenie_url),
        "teams": Teams(),
        "webhook": Webhook(),
        "email": Email(site.mail_from),
        "apprise": Apprise(),
    }


#: For all that does not send: which kinds there are, and how their configs are checked and shown.
PROVIDERS: dict[str, Provider] = providers(Site())

#: What those who put alerts into the outbox need to know of them.
HABITS = Habits(
    share=frozenset(name for name, one in PROVIDERS.items() if one.is_read_by_people),
    keep_state=frozenset(name for name, one in PROVIDERS.items() if one.keeps_state),
)
