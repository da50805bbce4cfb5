"""What a request to a user's URL may take, and what it carries where."""

import asyncio
import gzip
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from outgoing.outgoing_rig import Listener, Names, Replies, answer, listening, redirect
from turnwise.outgoing import (
    AnswerTooLarge,
    Limits,
    Outgoing,
    OutgoingFailed,
    OutgoingRefused,
    OutgoingTimeout,
    Policy,
)

pytestmark = pytest.mark.anyio
OPEN = Policy(allow_private=True)
NAMES = Names({"one.test": [["127.0.0.1"]], "two.test": [["127.0.0.1"]]})


@asynccontextmanager
async def reaching(replies: Replies) -> AsyncIterator[tuple[Outgoing, Listener, str]]:
    """The way out, a server that it reaches, and where that is."""
    outgoing = Outgoing(OPEN, resolve=NAMES)
    async with listening(replies) as server:
        yield outgoing, server, f"http://one.test:{server.port}/"
    await outgoing.aclose()


async def test_a_request_says_what_it_was_given_and_brings_the_whole_answer() -> None:
    reply = answer("grüß".encode(), "x-mine: yes", "set-cookie: a=b", status="418 Teapot")
    async with reaching(lambda _head: reply) as (outgoing, server, url):
        await outgoing.request("GET", url)
        found = await outgoing.request(
            "POST", url + "p?q=1", headers={"x-key": "k"}, content=b"body"
        )
        assert (found.status, found.text, found.headers["x-mine"]) == (418, "grüß", "yes")
        assert found.url == url + "p?q=1"
    head = server.heads[1].lower()
    assert head.startswith("post /p?q=1 http/1.1")
    assert f"host: one.test:{server.port}" in head
    assert "x-key: k" in head
    assert "user-agent: turnwise/" in head
    assert "accept-encoding: identity" in head
    assert "cookie" not in head


@pytest.mark.parametrize("encoding", ["", "gzip"])
async def test_an_answer_has_a_largest_size_also_when_it_is_unpacked(encoding: str) -> None:
    body = bytes(50_000)
    packed = gzip.compress(body) if encoding else body
    headers = [f"content-encoding: {encoding}"] if encoding else []
    async with reaching(lambda _head: answer(packed, *headers)) as (outgoing, _, url):
        with pytest.raises(AnswerTooLarge):
            await outgoing.request("GET", url, limits=Limits(answer_bytes=49_999))
        found = await outgoing.request("GET", url, limits=Limits(answer_bytes=50_000))
        assert found.body == body
        async with outgoing.client(Limits(answer_bytes=20)) as client:
            with pytest.raises(AnswerTooLarge):
                await client.get(url)


async def test_an_answer_that_drips_is_cut_off() -> None:
    drops = [b"HTTP/1.1 200 OK\r\ncontent-length: 1000\r\n\r\n", *([b"x"] * 1000)]
    async with reaching(lambda _head: drops) as (outgoing, _, url):
        with pytest.raises(OutgoingTimeout, match=r"within 0\.3 s"):
            await outgoing.request("GET", url, limits=Limits(seconds=0.3))


async def test_many_requests_wait_at_once() -> None:
    slowly = [b"HTTP/1.1 200 OK\r\ncontent-length: 40\r\n\r\n", *([b"x"] * 40)]
    async with reaching(lambda _head: slowly) as (outgoing, server, url):
        async with asyncio.TaskGroup() as group:
            for _ in range(60):
                group.create_task(outgoing.request("GET", url))
        assert server.most_open == 60


async def test_what_is_no_answer_is_a_failure() -> None:
    async with reaching(lambda _head: b"hello\r\n\r\n") as (outgoing, _, url):
        with pytest.raises(OutgoingFailed):
            await outgoing.request("GET", url)
    with pytest.raises(OutgoingFailed):  # nobody listens there any more
        await outgoing.request("GET", url)
    with pytest.raises(OutgoingFailed, match=r"nobody\.test cannot be resolved"):
        await outgoing.request("GET", "http://nobody.test/")


@pytest.mark.parametrize("headers", [{"x": "é\n"}, {"x": "ж"}, {"é": "x"}, {"x": "a\r\nb: c"}])
async def test_headers_that_cannot_be_sent_are_errors_of_ours(headers: dict[str, str]) -> None:
    async with reaching(lambda _head: answer(b"")) as (outgoing, server, url):
        with pytest.raises((OutgoingRefused, OutgoingFailed)):
            await outgoing.request("GET", url, headers=headers)
    assert not any("b: c" in head for head in server.heads)


async def test_redirects_are_counted_and_the_last_is_the_answer() -> None:
    async with reaching(lambda _head: redirect("/again")) as (outgoing, server, url):
        found = await outgoing.request("GET", url, limits=Limits(redirects=3))
        assert (found.status, server.connections) == (302, 4)
        found = await outgoing.request("GET", url)
        assert (found.status, server.connections) == (302, 5)


async def test_a_redirect_within_the_origin_carries_headers_and_body() -> None:
    def replies(head: str) -> bytes:
        return answer(b"there") if "/there" in head else redirect("/there", "307 Temporary")

    async with reaching(replies) as (outgoing, server, url):
        found = await outgoing.request(
            "POST", url, headers={"authorization": "s"}, content=b"b", limits=Limits(redirects=1)
        )
        assert (found.body, found.url) == (b"there", url + "there")
    assert server.heads[1].startswith("POST /there")
    assert "authorization: s" in server.heads[1].lower()


async def test_a_redirect_to_another_origin_carries_no_header_and_no_body() -> None:
    async with listening(lambda _head: answer(b"there")) as other:
        target = f"http://two.test:{other.port}/there"
        async with reaching(lambda _head: redirect(target, "303 See Other")) as (outgoing, _, url):
            secret = {"authorization": "s3cret", "x-api-key": "s3cret", "cookie": "s3cret"}
            found = await outgoing.request(
                "POST", url, headers=secret, content=b"b", limits=Limits(redirects=1)
            )
            assert (found.body, found.url) == (b"there", target)
        assert other.heads[0].startswith("GET /there")
        assert "s3cret" not in other.heads[0]
        assert "content-length" not in other.heads[0].lower()
        moved = redirect(target, "308 Permanent")
        async with reaching(lambda _head: moved) as (outgoing, _, url):
            with pytest.raises(OutgoingRefused, match="another host"):
                await outgoing.request("POST", url, content=b"b", limits=Limits(redirects=1))
        assert other.connections == 1


async def test_the_environments_proxy_is_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    async with listening() as proxy:
        for name in ("http_proxy", "HTTP_PROXY", "all_proxy"):
            monkeypatch.setenv(name, f"http://127.0.0.1:{proxy.port}")
        async with reaching(lambda _head: answer(b"direct")) as (outgoing, _, url):
            assert (await outgoing.request("GET", url)).body == b"direct"
        assert proxy.connections == 0
