"""Connections to no other address than the one that was judged."""

import asyncio
import socket
from collections.abc import Awaitable, Callable, Iterable, Sequence

import httpcore2
from typing_extensions import override

from turnwise.outgoing.errors import OutgoingRefused
from turnwise.outgoing.policy import Policy

Resolve = Callable[[str, int], Awaitable[Sequence[str]]]
"""Returns the addresses of a host; raises OSError where there is none."""


async def system_resolve(host: str, port: int) -> Sequence[str]:
    """Return the addresses of a host as the operating system knows them."""
    found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return tuple(dict.fromkeys(str(entry[4][0]) for entry in found))


async def judged(policy: Policy, resolve: Resolve, host: str, port: int) -> Sequence[str]:
    """Return the addresses of a host, all of which may be reached.

    Raises:
        OutgoingRefused: If one of them may not: nobody has such a name by accident.
        OSError: If there are none.
        UnicodeError: If the host cannot be a name.
    """
    addresses = await resolve(host, port)
    if not addresses:
        raise OSError(f"there is no address of {host}")
    if not all(policy.may_reach(host, address) for address in addresses):
        raise OutgoingRefused(f"{host} leads into a network that URLs must not lead into")
    return addresses


class GuardedNetwork(httpcore2.AsyncNetworkBackend):
    """The network as far as a policy lets anyone reach: by TCP, as the base offers nothing."""

    def __init__(self, policy: Policy, resolve: Resolve) -> None:
        self._policy = policy
        self._resolve = resolve
        self._network = httpcore2.AnyIOBackend()

    @override
    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[httpcore2.SOCKET_OPTION] | None = None,
    ) -> httpcore2.AsyncNetworkStream:
        """Connect to a host, by the first of its addresses that answers."""
        failed: Exception = httpcore2.ConnectError(f"{host} cannot be resolved")
        for address in await self._addresses(host, port, timeout):
            try:
                return await self._network.connect_tcp(
                    address, port, timeout, local_address, socket_options
                )
            except (httpcore2.ConnectError, httpcore2.ConnectTimeout) as exc:
                failed = exc
        raise failed

    @override
    async def sleep(self, seconds: float) -> None:
        """Wait between attempts."""
        await self._network.sleep(seconds)

    async def _addresses(self, host: str, port: int, timeout_s: float | None) -> Sequence[str]:
        try:
            async with asyncio.timeout(timeout_s):
                return await judged(self._policy, self._resolve, host, port)
        except TimeoutError as exc:
            raise httpcore2.ConnectTimeout(f"{host} was not resolved in time") from exc
        except (OSError, UnicodeError) as exc:
            raise httpcore2.ConnectError(f"{host} cannot be resolved") from exc
