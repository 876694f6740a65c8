"""Where runs belong."""

from typing import NamedTuple


class Attribution(NamedTuple):
    """Where in a customer's world a run belongs; empty where the sender did not say."""

    project: str = ""
    service: str = ""
    host: str = ""
    release: str = ""
