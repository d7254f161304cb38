"""Where the words of strangers may lead this machine."""

from __future__ import annotations

import socket
from contextlib import closing

import pytest
from hypothesis import given
from hypothesis import strategies as st

from worker.engine.cancel import CancelToken
from worker.engine.errors import RegistryMisbehaved
from worker.engine.registry.addresses import Guard, NamedBy, Zone, literal, zone_of
from worker.engine.registry.sockets import Dialler


@pytest.mark.parametrize(
    ("address", "zone"),
    [
        ("127.0.0.1", Zone.MACHINE),
        ("127.255.0.1", Zone.MACHINE),
        ("::1", Zone.MACHINE),
        ("[::1]", Zone.MACHINE),
        ("::ffff:127.0.0.1", Zone.MACHINE),
        ("0.0.0.0", Zone.MACHINE),
        ("::", Zone.MACHINE),
        ("169.254.169.254", Zone.LINK),
        ("fe80::1%eth0", Zone.LINK),
        ("::ffff:169.254.169.254", Zone.LINK),
        ("fd00:ec2::254", Zone.LINK),
        ("fd00:ec2::23", Zone.LINK),
        ("fd20:ce::254", Zone.LINK),
        ("100.100.100.200", Zone.LINK),
        ("168.63.129.16", Zone.LINK),
        ("64:ff9b::169.254.169.254", Zone.LINK),
        ("64:ff9b::10.0.0.1", Zone.PRIVATE),
        ("64:ff9b::1.1.1.1", Zone.ANYWHERE),
        ("2002:7f00:1::", Zone.MACHINE),
        ("224.0.0.1", Zone.LINK),
        ("10.1.2.3", Zone.PRIVATE),
        ("172.16.0.1", Zone.PRIVATE),
        ("192.168.1.1", Zone.PRIVATE),
        ("100.64.0.1", Zone.PRIVATE),
        ("fd12::1", Zone.PRIVATE),
        ("::ffff:10.0.0.1", Zone.PRIVATE),
        ("1.1.1.1", Zone.ANYWHERE),
        ("2606:4700::1", Zone.ANYWHERE),
    ],
)
def test_zones(address: str, zone: Zone) -> None:
    assert zone_of(address) is zone


@pytest.mark.parametrize(
    ("host", "address"),
    [
        ("127.0.0.1", "127.0.0.1"),
        ("127.0.0.1.", "127.0.0.1"),
        ("127.1", "127.0.0.1"),
        ("2130706433", "127.0.0.1"),
        ("0x7f.0.0.1", "127.0.0.1"),
        ("[::1]", "::1"),
        ("fe80::1%eth0", "fe80::1"),
        ("registry.example", None),
        ("1.example", None),
        ("bücher.example", None),
        ("", None),
    ],
)
def test_an_address_is_known_in_every_form(host: str, address: str | None) -> None:
    """Through a proxy it is looked up by the proxy, which may stand where nobody else can look."""
    assert literal(host) == address


@given(st.ip_addresses())
def test_every_address_has_a_zone(address: object) -> None:
    assert isinstance(zone_of(str(address)), Zone)


@pytest.mark.parametrize("zone", ["1.1.1.1", "10.0.0.1", "169.254.1.1", "127.0.0.1"])
def test_a_person_may_name_anything(zone: str) -> None:
    assert Guard().allows(zone, NamedBy.PERSON)


def test_strangers_may_not() -> None:
    guard = Guard()
    allowed = {
        who: [at for at in ("1.1.1.1", "10.0.0.1", "169.254.1.1", "127.0.0.1") if guard.allows(at, who)]
        for who in (NamedBy.REGISTRY, NamedBy.AUTHOR)
    }
    assert allowed == {NamedBy.REGISTRY: ["1.1.1.1", "10.0.0.1"], NamedBy.AUTHOR: ["1.1.1.1"]}


def test_but_where_the_registry_stands() -> None:
    guard = Guard()
    guard.settle("192.168.0.5")
    assert guard.allows("10.0.0.1", NamedBy.AUTHOR)
    assert not guard.allows("127.0.0.1", NamedBy.REGISTRY)
    guard.settle("127.0.0.1")
    assert guard.allows("::1", NamedBy.AUTHOR)


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "0.0.0.0", "[::ffff:127.0.0.1]"])
def test_what_a_name_means_decides_and_nobody_is_dialled(host: str) -> None:
    with closing(socket.create_server(("0.0.0.0", 0))) as server:
        server.settimeout(0.2)
        port = server.getsockname()[1]
        with pytest.raises(RegistryMisbehaved, match="nothing was sent"):
            Dialler(CancelToken()).dial(host, port, 5, named_by=NamedBy.REGISTRY)
        with pytest.raises(TimeoutError):
            server.accept()
        Dialler(CancelToken()).dial(host, port, 5).close()
