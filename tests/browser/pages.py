"""The pages there are, and where an example of each is to be seen in Northwind Cloud."""

from collections.abc import Callable
from typing import NamedTuple

from tests.support.remote import Remote


class Look(NamedTuple):
    """A page as it is looked at. `path` says where, on a server that tells Northwind's story."""

    name: str
    path: Callable[[Remote], str]
    is_signed_in: bool = True


def _at(path: str) -> Callable[[Remote], str]:
    return lambda _: path


PAGES = [Look("claim", _at("/claim"), is_signed_in=False)]
