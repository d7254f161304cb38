"""Where the words of strangers may lead this machine (docs/security.md, "Requests from the inside").

A registry names other hosts: by redirects, and as token servers. The author of an image does, too: by the
URLs of foreign layers. Neither shall make this machine ask what stands behind its firewall.
"""

from __future__ import annotations

import contextlib
import socket
from enum import Enum
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network

_METADATA = frozenset(
    ip_address(address)
    for address in (
        "100.100.100.200",  # Alibaba
        "168.63.129.16",  # Azure: a public address that leads to the host below
        "192.0.0.192",  # Oracle
        "fd00:c1::a9fe:a9fe",
        "fd00:ec2::23",  # Amazon: credentials of pods
        "fd00:ec2::254",
        "fd20:ce::254",  # Google
    )
)
"""Where clouds tell a machine its secrets, besides the link-local addresses."""
_NAT64 = ip_network("64:ff9b::/96")  # RFC 6052: an IPv4 address stands in the last 32 bits


class Zone(Enum):
    """From where an address can be reached."""

    ANYWHERE = "anywhere"
    PRIVATE = "a private network"
    LINK = "its own link alone"
    MACHINE = "this machine alone"


class NamedBy(Enum):
    """Who named a host."""

    PERSON = "a person"
    REGISTRY = "the registry"
    AUTHOR = "the image"
    """By its author, whom nobody here need know."""


_ALLOWED = {
    NamedBy.PERSON: frozenset(Zone),
    # The storage of a company's registry often stands in a private network.
    NamedBy.REGISTRY: frozenset({Zone.ANYWHERE, Zone.PRIVATE}),
    NamedBy.AUTHOR: frozenset({Zone.ANYWHERE}),
}


def zone_of(address: str) -> Zone:
    """Tell from where an IP address can be reached.

    Raises:
        ValueError: it is none.
    """
    parsed: IPv4Address | IPv6Address = ip_address(address.partition("%")[0].strip("[]"))
    if isinstance(parsed, IPv6Address):
        parsed = _ipv4_within(parsed) or parsed
    if parsed.is_loopback or parsed.is_unspecified:
        return Zone.MACHINE
    if parsed.is_link_local or parsed.is_multicast or parsed in _METADATA:
        return Zone.LINK
    return Zone.ANYWHERE if parsed.is_global else Zone.PRIVATE


def literal(host: str) -> str | None:
    """The IP address that is written in place of a host's name; None if it is a name.

    Also in the odd forms that resolvers take for IPv4: ``127.1``, ``2130706433``, ``0x7f.0.0.1``.
    """
    text = host.strip("[]").rstrip(".")
    with contextlib.suppress(ValueError):
        return str(ip_address(text.partition("%")[0]))
    with contextlib.suppress(OSError, UnicodeError):
        return socket.inet_ntoa(socket.inet_aton(text))
    return None


def _ipv4_within(address: IPv6Address) -> IPv4Address | None:
    """The IPv4 address to which an IPv6 address leads by itself, or by a translator in the network."""
    if address in _NAT64:
        return IPv4Address(int(address) & 0xFFFFFFFF)
    return address.ipv4_mapped or address.sixtofour


class Guard:
    """Knows where one registry stands, and so where it and its images may lead."""

    def __init__(self) -> None:
        self._home: set[Zone] = set()

    def settle(self, address: str) -> None:
        """Note an address of the registry itself: what stands where it stands, it may name."""
        self._home.add(zone_of(address))

    def allows(self, address: str, named_by: NamedBy) -> bool:
        """Whether this machine may connect to an address that ``named_by`` named."""
        zone = zone_of(address)
        return zone in _ALLOWED[named_by] or zone in self._home
