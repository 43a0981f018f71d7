"""Sets of networks, asked whether an address is in one of them."""

from collections.abc import Iterable
from ipaddress import IPv4Network, IPv6Network, ip_address

Network = IPv4Network | IPv6Network


class Networks:
    """As quick with a million networks as with one: it looks once for each length of prefix."""

    def __init__(self, networks: Iterable[Network]) -> None:
        # By version, by length of prefix: the prefixes.
        self._prefixes: dict[int, dict[int, set[int]]] = {4: {}, 6: {}}
        for network in networks:
            prefixes = self._prefixes[network.version].setdefault(network.prefixlen, set())
            prefixes.add(int(network.network_address) >> network.max_prefixlen - network.prefixlen)

    def __contains__(self, host: str) -> bool:
        try:
            address = ip_address(host.partition("%")[0])
        except ValueError:
            return False
        value, bits = int(address), address.max_prefixlen
        return any(
            value >> bits - length in prefixes for length, prefixes in self._prefixes[address.version].items()
        )
