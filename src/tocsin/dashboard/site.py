"""What every page is made with."""

from collections.abc import Callable
from dataclasses import dataclass, field

import anyio

from tocsin.api.services import Services
from tocsin.dashboard.assets import Assets
from tocsin.dashboard.fragments import Fragments
from tocsin.dashboard.inside import Inside
from tocsin.dashboard.live import Hub
from tocsin.dashboard.rendering import Templates
from tocsin.dashboard.turnstile import Turnstile

#: Pages made at the same time. They are Python from end to end, so that more would only wait for each other.
_THREADS = 8


@dataclass(frozen=True)
class Site:
    """Collaborators, made by `bootstrap` and by `build_dashboard`."""

    services: Services
    inside: Inside
    templates: Templates
    assets: Assets
    hub: Hub
    fragments: Fragments
    #: Seconds since the moment up to which everything is judged; None where other nodes judge.
    tick_lag: Callable[[], float] | None
    turnstile: Turnstile = field(default_factory=Turnstile)
    #: Of our own: a page that asks the API waits for a thread of the API's, and must not hold the last one.
    threads: anyio.CapacityLimiter = field(default_factory=lambda: anyio.CapacityLimiter(_THREADS))
