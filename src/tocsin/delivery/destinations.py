"""Where alerts may be sent: which addresses are nobody's private network, and which URLs are fit to be posted to.

Python's own `is_private` and `is_global` let NAT64, 6to4, carrier-grade NAT, multicast and others pass, so every range
is named here; of IPv6 only what is handed out as global unicast (2000::/3) is open at all.
"""

from collections.abc import Sequence
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from typing import NamedTuple
from urllib.parse import urlsplit

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network

URL_LIMIT = 2_000
_LOOPBACK: tuple[Address, ...] = (IPv4Address("127.0.0.1"), IPv6Address("::1"))
_GLOBAL_UNICAST = IPv6Network("2000::/3")
_CLOSED: tuple[tuple[Network, str], ...] = tuple(
    (ip_network(network), name)
    for network, name in (
        ("0.0.0.0/8", "unspecified"),
        ("10.0.0.0/8", "private"),
        ("100.64.0.0/10", "carrier-grade NAT"),
        ("127.0.0.0/8", "loopback"),
        ("169.254.0.0/16", "link-local"),
        ("172.16.0.0/12", "private"),
        ("192.0.0.0/24", "protocol assignments"),
        ("192.0.2.0/24", "documentation"),
        ("192.31.196.0/24", "AS112"),
        ("192.52.193.0/24", "AMT relay"),
        ("192.88.99.0/24", "6to4 relay"),
        ("192.168.0.0/16", "private"),
        ("192.175.48.0/24", "AS112"),
        ("198.18.0.0/15", "benchmarking"),
        ("198.51.100.0/24", "documentation"),
        ("203.0.113.0/24", "documentation"),
        ("224.0.0.0/4", "multicast"),
        ("255.255.255.255/32", "broadcast"),
        ("240.0.0.0/4", "reserved"),
        ("::/128", "unspecified"),
        ("::1/128", "loopback"),
        ("::ffff:0:0/96", "IPv4-mapped"),
        ("::ffff:0:0:0/96", "IPv4-translated"),
        ("::/96", "IPv4-compatible"),
        ("64:ff9b::/96", "NAT64"),
        ("64:ff9b:1::/48", "NAT64"),
        ("100::/64", "discard-only"),
        ("100:0:0:1::/64", "discard-only"),
        ("2001::/32", "Teredo"),
        ("2001:2::/48", "benchmarking"),
        ("2001:10::/28", "ORCHID"),
        ("2001:20::/28", "ORCHID"),
        ("2001:30::/28", "drone identifiers"),
        ("2001:db8::/32", "documentation"),
        ("2001::/23", "protocol assignments"),
        ("2002::/16", "6to4"),
        ("2620:4f:8000::/48", "AS112"),
        ("3fff::/20", "documentation"),
        ("5f00::/16", "segment routing"),
        ("fc00::/7", "private"),
        ("fe80::/10", "link-local"),
        ("fec0::/10", "site-local"),
        ("ff00::/8", "multicast"),
    )
)


class BadDestinationError(Exception):
    """A URL or address alerts may not go to; its text is a sentence without the URL, which may be a secret."""


class Destination(NamedTuple):
    url: str
    host: str
    is_https: bool


def is_allowed(address: Address, allowed: Sequence[Network]) -> bool:
    """Whether the operator has opened the network `address` lies in."""
    return any(address in network for network in allowed)


def closed_range(address: Address) -> str | None:
    """The name of the closed range `address` lies in, or None where anybody may be called."""
    for network, name in _CLOSED:
        if address in network:
            return name
    if address.version == 6 and address not in _GLOBAL_UNICAST:
        return "reserved"
    return None


def check_address(text: str, allowed: Sequence[Network], *, is_https: bool) -> None:
    """Raises BadDestinationError unless the operator allowed the address, or it is public and called over https."""
    try:
        address = ip_address(text)
    except ValueError:
        raise BadDestinationError("The receiver's host has no address that can be read.") from None
    if is_allowed(address, allowed):
        return
    if name := closed_range(address):
        raise BadDestinationError(
            f"The receiver's address is not public ({name}); the operator can permit it with TOCSIN_ALLOW_DESTINATIONS."
        )
    if not is_https:
        raise BadDestinationError("The URL must begin with https:// unless the operator has permitted its address.")


def parse_destination(url: str, allowed: Sequence[Network]) -> Destination:
    """Checks all that can be known of a URL without asking for its host's addresses; raises BadDestinationError.

    `http://name` passes where the operator permits anything at all: what `name` stands for is checked on dialling.
    """
    host, is_https = _host_and_scheme(url)
    literals = _LOOPBACK if host == "localhost" or host.endswith(".localhost") else _literal(host)
    if literals and not any(is_allowed(address, allowed) for address in literals):
        check_address(str(literals[0]), allowed, is_https=is_https)
    if not is_https and not allowed:
        raise BadDestinationError("The URL must begin with https://.")
    return Destination(url, host, is_https)


def _host_and_scheme(url: str) -> tuple[str, bool]:
    if len(url) > URL_LIMIT or not url.isascii() or any(character <= " " for character in url):
        raise BadDestinationError(f"The URL must be at most {URL_LIMIT} plain characters without spaces.")
    try:
        parts = urlsplit(url)
        host, port = (parts.hostname or "").rstrip("."), parts.port
    except ValueError:
        raise BadDestinationError("The URL cannot be read.") from None
    if parts.scheme not in {"http", "https"} or not host or port == 0 or "\\" in url:
        raise BadDestinationError("The URL must be of the form https://host/path.")
    if parts.username is not None or parts.password is not None:
        raise BadDestinationError("The URL must not hold a user name or password.")
    return host, parts.scheme == "https"


def _literal(host: str) -> tuple[Address, ...]:
    try:
        return (ip_address(host),)
    except ValueError:
        return ()
