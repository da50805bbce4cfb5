"""Whose network an address is in."""

from ipaddress import IPv4Address, IPv6Address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from turnwise.outgoing.policy import Policy, Reach, reach_of

ADDRESSES: dict[Reach, list[str]] = {
    "public": [
        "8.8.8.8",
        "93.184.216.34",
        "2606:4700:4700::1111",
        "::ffff:8.8.8.8",
        "64:ff9b::8.8.8.8",
        "2002:808:808::1",
    ],
    "private": [
        "10.1.2.3",
        "172.31.255.255",
        "192.168.0.1",
        "127.0.0.53",
        "100.64.0.1",
        "100.127.255.254",
        "::1",
        "::1%lo",
        "fc00::1",
        "fdff::1",
        "::ffff:10.0.0.1",
        "::ffff:0:127.0.0.1",
        "64:ff9b::192.168.0.1",
        "2002:a00:1::",
        "::127.0.0.1",
    ],
    "forbidden": [
        "0.0.0.0",  # noqa: S104
        "0.1.2.3",
        "169.254.169.254",
        "100.100.100.200",
        "168.63.129.16",
        "192.0.0.192",
        "192.88.99.1",
        "198.18.0.1",
        "192.0.2.1",
        "224.0.0.1",
        "239.255.255.250",
        "240.0.0.1",
        "255.255.255.255",
        "::",
        "::ffff:169.254.169.254",
        "64:ff9b::169.254.169.254",
        "64:ff9b:1::8.8.8.8",
        "2002:a9fe:a9fe::",
        "2001::1",
        "2001:db8::1",
        "3fff::1",
        "5f00::1",
        "fd00:ec2::254",
        "fd20:ce::254",
        "fe80::1%eth0",
        "fec0::1",
        "ff02::1",
        "name.test",
        "",
        "127.1",
    ],
}


@pytest.mark.parametrize(
    ("address", "reach"),
    [(address, reach) for reach, addresses in ADDRESSES.items() for address in addresses],
)
def test_an_address_is_public_private_or_of_no_use(address: str, reach: Reach) -> None:
    assert reach_of(address) == reach
    assert Policy().may_reach("a.test", address) is (reach == "public")
    assert Policy(allow_private=True).may_reach("a.test", address) is (reach != "forbidden")


@given(st.ip_addresses(v=4))
def test_an_address_within_another_is_judged_as_itself(address: object) -> None:
    alone = reach_of(str(address))
    assert reach_of(f"::ffff:{address}") == alone
    assert reach_of(f"64:ff9b::{address}") == alone


@given(st.ip_addresses())
def test_nothing_that_is_not_global_is_public(address: IPv4Address | IPv6Address) -> None:
    if reach_of(str(address)) == "public":
        embedded = address.ipv4_mapped or address.sixtofour if address.version == 6 else None
        assert (embedded or address).is_global


@pytest.mark.parametrize(
    ("host", "trusted"),
    [
        ("crm.internal", True),
        ("CRM.internal.", True),
        ("x.crm.internal", False),
        ("a.svc.local", True),
        ("a.b.svc.local", True),
        ("svc.local", False),
        ("evilsvc.local", False),
        ("10.0.0.5", True),
        ("10.0.0.50", False),
    ],
)
def test_hosts_that_are_trusted_may_be_anywhere(host: str, trusted: bool) -> None:  # noqa: FBT001
    policy = Policy(allowed_hosts=frozenset({"crm.internal", "*.svc.local", "10.0.0.5"}))
    assert policy.trusts(host) is trusted
    assert policy.may_be_plain(host) is trusted
    assert policy.may_reach(host, "169.254.169.254") is trusted
    assert Policy(allow_private=True).may_be_plain(host)
