"""Where the sidebar leads. A new page area adds its line here."""

from typing import NamedTuple


class Link(NamedTuple):
    """`icon` of the sprite; `also`: other beginnings of addresses that belong to it."""

    path: str
    name: str
    icon: str
    also: tuple[str, ...] = ()

    def is_here(self, path: str) -> bool:
        own = self.path != "/" and (path == self.path or path.startswith(f"{self.path}/"))
        return own or path == self.path or any(path == one or path.startswith(f"{one}/") for one in self.also)


class Group(NamedTuple):
    title: str
    links: tuple[Link, ...]


#: The four that matter most come first: on a phone they are the bar below.
NAV = (
    Group(
        "",
        (
            Link("/", "Overview", "i-overview"),
            Link("/incidents", "Incidents", "i-bell"),
            Link("/jobs", "Jobs", "i-jobs", ("/runs", "/new-job")),
            Link("/tenants", "Tenants", "i-tenants"),
        ),
    ),
    Group(
        "Explore",
        (
            Link("/topology", "Topology", "i-topology"),
            Link("/events", "Events", "i-events"),
            Link("/patterns", "Patterns", "i-pattern"),
            Link("/trends", "Trends", "i-trend"),
            Link("/deliveries", "Deliveries", "i-send"),
            Link("/rejections", "Rejected check-ins", "i-reject"),
        ),
    ),
    Group(
        "Configure",
        (
            Link("/channels", "Channels", "i-channel"),
            Link("/maintenance", "Maintenance", "i-moon"),
            Link("/sharing", "Status pages", "i-badge"),
            Link("/settings", "Settings", "i-settings"),
        ),
    ),
)
