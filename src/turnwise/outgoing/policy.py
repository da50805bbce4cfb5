"""Which addresses a user's URL may lead to. No I/O."""

from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from typing import Literal

Reach = Literal["public", "private", "forbidden"]
"""`private`: in the own network, open where the operator says so. `forbidden`: of no use to anyone
but an attacker: metadata of clouds, link-local, multicast, unspecified, reserved."""

_PRIVATE = tuple(
    map(
        ip_network,
        (
            "10.0.0.0/8",
            "100.64.0.0/10",  # carriers' NAT, also overlay networks
            "127.0.0.0/8",
            "172.16.0.0/12",
            "192.168.0.0/16",
            "::1/128",
            "fc00::/7",
        ),
    )
)
# beside what Python knows not to be global; its releases differ
_FORBIDDEN = tuple(
    map(
        ip_network,
        (
            "0.0.0.0/8",
            "100.100.100.200/32",  # metadata of Alibaba Cloud
            "168.63.129.16/32",  # metadata of Azure
            "169.254.0.0/16",  # link-local, and metadata of most clouds
            "192.0.0.0/24",
            "192.88.99.0/24",
            "198.18.0.0/15",
            "224.0.0.0/4",
            "240.0.0.0/4",
            "::/128",
            "64:ff9b:1::/48",  # local translation to IPv4
            "100::/64",
            "2001::/23",  # with Teredo
            "2001:db8::/32",
            "3fff::/20",
            "5f00::/16",
            "fd00:ec2::/32",  # metadata of AWS
            "fd20:ce::/64",  # metadata of Google Cloud
            "fe80::/10",
            "fec0::/10",
            "ff00::/8",
        ),
    )
)
# IPv6 addresses that stand for an IPv4 address, and how many bits of others follow it
_EMBEDDING = (
    (ip_network("::ffff:0:0/96"), 0),
    (ip_network("::ffff:0:0:0/96"), 0),
    (ip_network("64:ff9b::/96"), 0),
    (ip_network("2002::/16"), 80),
    (ip_network("::/96"), 0),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """Where users' URLs may lead."""

    allow_private: bool = False
    """Whether into the private network, too."""

    allowed_hosts: frozenset[str] = frozenset()
    """Hosts that may be anywhere: as in the URL, or `*.suffix` for all below it."""

    def trusts(self, host: str) -> bool:
        """Return whether a host may be anywhere."""
        host = host.casefold().rstrip(".")
        parts = host.split(".")
        below = {"*." + ".".join(parts[at:]) for at in range(1, len(parts))}
        return not self.allowed_hosts.isdisjoint({host, *below})

    def may_be_plain(self, host: str) -> bool:
        """Return whether users may configure URLs without TLS to a host: not over the internet."""
        return self.allow_private or self.trusts(host)

    def may_reach(self, host: str, address: str) -> bool:
        """Return whether a connection to an address is allowed.

        Args:
            host: As the URL has it.
            address: What it was resolved to.
        """
        if self.trusts(host):
            return True
        reach = reach_of(address)
        return reach == "public" or (reach == "private" and self.allow_private)


def reach_of(address: str) -> Reach:
    """Return whose network an IP address is in; what is no address is forbidden."""
    try:
        ip = ip_address(address.partition("%")[0])
    except ValueError:
        return "forbidden"
    return _reach(ip)


def _reach(ip: IPv4Address | IPv6Address) -> Reach:
    if any(ip in network for network in _FORBIDDEN):
        return "forbidden"
    if any(ip in network for network in _PRIVATE):
        return "private"
    for network, following in _EMBEDDING:
        if ip in network:
            return _reach(IPv4Address((int(ip) >> following) & 0xFFFFFFFF))
    return "public" if ip.is_global else "forbidden"
