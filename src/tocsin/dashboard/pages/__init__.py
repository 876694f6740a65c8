"""The pages, one module an area. A new area is one module, and its line here."""

from tocsin.dashboard.pages import account, channels, deliveries, overview, people, settings, signing_in

AREAS = (
    overview.pages,
    signing_in.pages,
    people.pages,
    channels.pages,
    deliveries.pages,
    settings.pages,
    account.pages,
)
