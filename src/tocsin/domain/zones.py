"""Time zones, from the tzdata we depend on: what 02:30 in Vienna is must not hang on the machine we run on."""

from functools import cache
from importlib.resources import files
from zoneinfo import ZoneInfo

UTC = "UTC"


@cache
def names() -> frozenset[str]:
    """Every zone of the IANA database, links included."""
    return frozenset(files("tzdata").joinpath("zones").read_text().split())


@cache
def zone(name: str) -> ZoneInfo:
    """The zone of this name; ValueError where the IANA database has none. (As many are kept as there are zones.)"""
    if name not in names():
        raise ValueError(f"{name} is no time zone of the IANA database, as Europe/Vienna is.")
    with files("tzdata").joinpath("zoneinfo", *name.split("/")).open("rb") as file:
        return ZoneInfo.from_file(file, key=name)
