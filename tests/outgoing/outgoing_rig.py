"""Servers on loopback that count who comes, and names that are scripted."""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

Replies = Callable[[str], bytes | Sequence[bytes]]
"""From the head of a request to the bytes of the answer; of several, some time passes between."""

EMPTY = b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n"


def answer(body: bytes, *headers: str, status: str = "200 OK") -> bytes:
    head = [f"HTTP/1.1 {status}", f"content-length: {len(body)}", "connection: close", *headers]
    return "\r\n".join(head).encode() + b"\r\n\r\n" + body


def redirect(location: str, status: str = "302 Found") -> bytes:
    return answer(b"", f"location: {location}", status=status)


@dataclass
class Listener:
    """A server on a port of loopback."""

    port: int = 0
    connections: int = 0
    open: int = 0
    most_open: int = 0
    heads: list[str] = field(default_factory=list)
    """Of the requests that came."""


@asynccontextmanager
async def listening(
    replies: Replies = lambda _head: EMPTY, hosts: Sequence[str] = ("127.0.0.1", "::1")
) -> AsyncIterator[Listener]:
    listener = Listener()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        listener.connections += 1
        listener.open += 1
        listener.most_open = max(listener.most_open, listener.open)
        try:
            head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
            listener.heads.append(head)
            given = replies(head)
            for part in [given] if isinstance(given, bytes) else given:
                writer.write(part)
                await writer.drain()
                await asyncio.sleep(0.02)
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            listener.open -= 1
            writer.close()

    first = await asyncio.start_server(serve, hosts[0], 0)
    listener.port = first.sockets[0].getsockname()[1]
    others = [await asyncio.start_server(serve, host, listener.port) for host in hosts[1:]]
    try:
        yield listener
    finally:
        for server in (first, *others):
            server.close()


@dataclass
class Names:
    """A resolver: what a name leads to at each asking; the last one stays."""

    known: Mapping[str, Sequence[Sequence[str]]]
    asked: list[str] = field(default_factory=list)

    async def __call__(self, host: str, _port: int) -> Sequence[str]:
        if host not in self.known:
            raise OSError(f"nobody knows {host}")
        answers = self.known[host]
        turn = self.asked.count(host)
        self.asked.append(host)
        return answers[min(turn, len(answers) - 1)]
