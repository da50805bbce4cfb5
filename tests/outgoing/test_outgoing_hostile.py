"""URLs that try to lead into the server's own network: none connects."""

import pytest

from outgoing.outgoing_rig import Names, answer, listening, redirect
from turnwise.outgoing import Limits, Outgoing, OutgoingError, OutgoingRefused, Policy
from turnwise.outgoing.network import system_resolve

pytestmark = pytest.mark.anyio
QUICK = Limits(seconds=5)

NUMERIC = [
    "http://127.0.0.1:{port}/",
    "http://127.1:{port}/",
    "http://127.0.1:{port}/",
    "http://2130706433:{port}/",
    "http://017700000001:{port}/",
    "http://0177.0.0.1:{port}/",
    "http://0177.0.0.01:{port}/",
    "http://0x7f000001:{port}/",
    "http://0x7f.0.0.1:{port}/",
    "http://0x7f.1:{port}/",
    "http://127.0.0.1.:{port}/",
    "http://127。0。0。1:{port}/",
    "http://127.255.255.254:{port}/",
    "http://0:{port}/",
    "http://0.0.0.0:{port}/",
    "http://[::1]:{port}/",
    "http://[0:0:0:0:0:0:0:1]:{port}/",
    "http://[::]:{port}/",
    "http://[::127.0.0.1]:{port}/",
    "http://[::ffff:127.0.0.1]:{port}/",
    "http://[::ffff:7f00:1]:{port}/",
    "http://[0:0:0:0:0:ffff:127.0.0.1]:{port}/",
    "http://[64:ff9b::127.0.0.1]:{port}/",
    "http://[64:ff9b::7f00:1]:{port}/",
    "http://[64:ff9b:1::7f00:1]:{port}/",
    "http://[2002:7f00:1::]:{port}/",
    "http://[fe80::1]:{port}/",
    "http://localhost:{port}/",
    "http://LOCALHOST:{port}/",
]
ELSEWHERE = [
    "http://10.0.0.1/",
    "http://172.16.0.1/",
    "http://192.168.1.1/",
    "http://100.64.0.1/",
    "http://169.254.169.254/latest/meta-data/",
    "http://[fd00:ec2::254]/latest/meta-data/",
    "http://[::ffff:169.254.169.254]/",
    "http://100.100.100.200/",
    "http://168.63.129.16/",
    "http://224.0.0.1/",
    "http://255.255.255.255/",
    "http://[ff02::1]/",
    "http://[fc00::1]/",
]
TRICKS = [
    "http://public.test@127.0.0.1:{port}/",
    "http://user:pass@127.0.0.1:{port}/",
    "http://127.0.0.1:{port}@public.test/",
    "http://public.test%2f@127.0.0.1:{port}/",
    "http://public.test\\@127.0.0.1:{port}/",
    "http://%31%32%37.0.0.1:{port}/",
    "ftp://127.0.0.1:{port}/",
    "file:///etc/passwd",
    "gopher://127.0.0.1:{port}/_GET",
    "unix:///run/some.sock",
    "//127.0.0.1:{port}/",
    "http:127.0.0.1:{port}/",
    "http://",
    "http:///127.0.0.1:{port}/",
    "http://①②⑦.⓪.⓪.①:{port}/",
    "http://[::1]evil.test:{port}/",
    "http://127.0.0.1:{port}\r\nhost: public.test/",
    "",
]


@pytest.mark.parametrize("url", [*NUMERIC, *ELSEWHERE, *TRICKS])
async def test_no_url_leads_to_this_machine(url: str) -> None:
    async with listening() as canary:
        outgoing = Outgoing(Policy(), resolve=system_resolve)
        with pytest.raises(OutgoingError):
            await outgoing.request("GET", url.replace("{port}", str(canary.port)), limits=QUICK)
        await outgoing.aclose()
    assert canary.connections == 0


async def test_the_canary_sings_where_the_private_network_is_open() -> None:
    async with listening(lambda _head: answer(b"tweet")) as canary:
        outgoing = Outgoing(Policy(allow_private=True), resolve=system_resolve)
        for host in ("127.0.0.1", "2130706433", "[::1]", "localhost", "[::ffff:127.0.0.1]"):
            found = await outgoing.request("GET", f"http://{host}:{canary.port}/", limits=QUICK)
            assert (found.status, found.body) == (200, b"tweet")
        await outgoing.aclose()
    assert canary.connections == 5


@pytest.mark.parametrize(
    "addresses",
    [["127.0.0.1"], ["::1"], ["93.184.216.34", "127.0.0.1"], ["::ffff:7f00:1"], ["fe80::1%eth0"]],
)
async def test_no_name_leads_to_this_machine(addresses: list[str]) -> None:
    async with listening() as canary:
        names = Names({"innocent.test": [addresses]})
        outgoing = Outgoing(Policy(), resolve=names)
        with pytest.raises(OutgoingRefused):
            await outgoing.request("GET", f"http://innocent.test:{canary.port}/", limits=QUICK)
        await outgoing.aclose()
    assert canary.connections == 0


async def test_a_name_that_changes_is_resolved_once() -> None:
    """DNS rebinding: judged as public, then leading home."""
    async with listening() as canary:
        names = Names({"rebinding.test": [["192.0.2.1"], ["127.0.0.1"]]})
        policy = Policy(allowed_hosts=frozenset({"nobody.test"}))
        outgoing = Outgoing(policy, resolve=names)
        with pytest.raises(OutgoingRefused):  # documentation addresses are nobody's
            await outgoing.request("GET", f"http://rebinding.test:{canary.port}/", limits=QUICK)
        names = Names({"rebinding.test": [["8.8.8.8"], ["127.0.0.1"]]})
        outgoing = Outgoing(policy, resolve=names)
        with pytest.raises(OutgoingError):  # nothing answers there, or nothing is to be reached
            await outgoing.request(
                "GET", f"http://rebinding.test:{canary.port}/", limits=Limits(seconds=0.3)
            )
        assert names.asked == ["rebinding.test"]
        await outgoing.aclose()
    assert canary.connections == 0


@pytest.mark.parametrize(
    "location",
    [
        "http://127.0.0.1:{port}/",
        "//127.0.0.1:{port}/",
        "http://[::1]:{port}/",
        "http://0x7f.1:{port}/",
        "http://home.test:{port}/",
        "http://user@start.test:{port}/",
        "http://start.test@127.0.0.1:{port}/",
        "ftp://127.0.0.1:{port}/",
        "file:///etc/passwd",
        "http://169.254.169.254/latest/meta-data/",
    ],
)
@pytest.mark.parametrize("status", ["301 Moved", "302 Found", "303 See Other", "307 Temporary"])
async def test_no_redirect_leads_to_this_machine(location: str, status: str) -> None:
    names = Names({"start.test": [["127.0.0.1"]], "home.test": [["127.0.0.1"]]})
    policy = Policy(allowed_hosts=frozenset({"start.test"}))

    async def resolve(host: str, port: int) -> object:
        return await (names if host in names.known else system_resolve)(host, port)

    async with listening() as canary:
        target = location.replace("{port}", str(canary.port))
        async with listening(lambda _head: redirect(target, status)) as start:
            outgoing = Outgoing(policy, resolve=resolve)  # type: ignore[arg-type]
            url = f"http://start.test:{start.port}/"
            with pytest.raises(OutgoingError):
                await outgoing.request("GET", url, limits=Limits(seconds=5, redirects=5))
            async with outgoing.client(Limits(seconds=5, redirects=5)) as client:
                with pytest.raises(Exception, match=r".") as caught:
                    await client.get(url, follow_redirects=True)
                assert type(caught.value).__module__.startswith(("turnwise", "httpx2"))
            await outgoing.aclose()
            assert start.connections == 2
    assert canary.connections == 0


async def test_a_proxy_is_not_asked_for_what_leads_home() -> None:
    async with listening() as canary, listening(lambda _head: answer(b"proxied")) as proxy:
        names = Names({"innocent.test": [["127.0.0.1"]], "public.test": [["8.8.8.8"]]})
        outgoing = Outgoing(Policy(), proxy=f"http://127.0.0.1:{proxy.port}", resolve=names)
        with pytest.raises(OutgoingRefused):
            await outgoing.request("GET", f"http://innocent.test:{canary.port}/", limits=QUICK)
        assert proxy.connections == 0
        found = await outgoing.request("GET", "http://public.test/page", limits=QUICK)
        assert found.body == b"proxied"
        unknown = await outgoing.request("GET", "http://only-the-proxy-knows.test/", limits=QUICK)
        assert unknown.body == b"proxied"
        await outgoing.aclose()
    assert canary.connections == 0
    assert proxy.heads[0].startswith("GET http://public.test/page HTTP/1.1")
