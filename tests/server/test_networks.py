"""Whether an address is in one of many networks, against the library's own answer for each."""

from ipaddress import ip_address, ip_network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from carbonmatch.server.networks import Networks

addresses = st.ip_addresses()
networks = st.tuples(addresses, st.integers(0, 32)).map(
    lambda found: ip_network((found[0], found[0].max_prefixlen - found[1]), strict=False)
)


@given(st.lists(networks, max_size=8), addresses, st.integers(0, 255))
def test_an_address_is_in_one_of_them_or_in_none(found: list, address, near: int) -> None:  # type: ignore[no-untyped-def, type-arg]
    candidates = [address, *(network[near % network.num_addresses] for network in found)]
    for one in candidates:
        assert (str(one) in Networks(found)) is any(one in network for network in found)


@pytest.mark.parametrize("host", ["", "unknown"])
def test_what_is_no_address_is_in_none(host: str) -> None:
    assert host not in Networks([ip_network("0.0.0.0/0"), ip_network("::/0")])


def test_a_scope_does_not_count() -> None:
    assert "fe80::1%eth0" in Networks([ip_network("fe80::/10")])
    assert ip_address("fe80::1") in ip_network("fe80::/10")
