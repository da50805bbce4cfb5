"""Where the sound of a call goes through: addresses, ports and relays (ICE).

The library picks any free port of the machine. Behind a firewall the ports must be known, and
behind a router the address is another one: both are settings.
"""

import asyncio
import base64
import hashlib
import hmac
import ipaddress
import logging
import secrets
import socket
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import partial

from aioice.candidate import Candidate, candidate_foundation, candidate_priority
from aioice.ice import Connection, StunProtocol, get_host_addresses
from aiortc import RTCPeerConnection

LOOPBACK = "127.0.0.1"
TURN_LIFETIME_S = 24 * 3600
"""How long the credentials of a relay work: a call that needs them anew is long over."""
_RECEIVE_BUFFER_BYTES = 512 * 1024

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Relays:
    """TURN servers, for clients that cannot reach this one directly."""

    urls: tuple[str, ...] = ()
    username: str = ""
    password: str = field(default="", repr=False)
    secret: str = field(default="", repr=False)
    """Shared with the TURN server (`use-auth-secret` of coturn); empty: name and password are."""

    def credentials(self, who: str, now: float) -> tuple[str, str]:
        """Return name and password for one client.

        Args:
            who: Stands in the name, for the relay's log.
            now: Unix seconds.
        """
        if not self.secret:
            return self.username, self.password
        name = f"{int(now) + TURN_LIFETIME_S}:{who}"
        digest = hmac.new(self.secret.encode(), name.encode(), hashlib.sha1).digest()
        return name, base64.b64encode(digest).decode()


@dataclass(frozen=True, slots=True, kw_only=True)
class Ice:
    """How clients reach the sound of this server."""

    public_address: str = ""
    """The address under which a router passes packets on to this machine; empty: its own."""
    ports: range = range(0)
    """UDP ports that may be used; empty: any."""
    relays: Relays = field(default_factory=Relays)

    def advertised(self, sdp: str) -> str:
        """Return a description with the public address in the place of private ones."""
        if not self.public_address:
            return sdp
        return "\r\n".join(self._candidate(line) for line in sdp.split("\r\n"))

    def _candidate(self, line: str) -> str:
        parts = line.split(" ")
        if not line.startswith("a=candidate:") or len(parts) < 8 or not _is_mapped(parts[4]):
            return line
        return " ".join([*parts[:4], self.public_address, *parts[5:]])

    def bind(self, connection: RTCPeerConnection) -> None:
        """Have a connection use the ports of the settings; call it before its first description."""
        for agent in agents_of(connection):
            # the library has no setting for it, but asks this method for its sockets
            setattr(agent, "get_component_candidates", partial(_gather, agent, self.ports))  # noqa: B010


def agents_of(connection: RTCPeerConnection) -> set[Connection]:
    """Return what negotiates the ways of a connection: one agent where all share one way."""
    transports = {each.receiver.transport for each in connection.getTransceivers()}
    if connection.sctp is not None:
        transports.add(connection.sctp.transport)
    return {each.transport._connection for each in transports}  # noqa: SLF001


def _is_mapped(address: str) -> bool:
    found = ipaddress.ip_address(address)
    return found.version == 4 and not found.is_loopback and not found.is_global


async def _gather(
    agent: Connection, ports: range, component: int, addresses: list[str]
) -> list[Candidate]:
    """Open a socket on each address of the machine; a free port of the range."""
    del addresses  # without that of the machine to itself, which may be its only one
    found: list[Candidate] = []
    for address in get_host_addresses(use_ipv4=True, use_ipv6=True) or [LOOPBACK]:
        protocol = await _open(agent, address, ports)
        if protocol is None:
            continue
        host, port = protocol.transport.get_extra_info("sockname")[:2]
        protocol.local_candidate = Candidate(
            foundation=candidate_foundation("host", "udp", host),
            component=component,
            transport="udp",
            priority=candidate_priority(component, "host"),
            host=host,
            port=port,
            type="host",
        )
        agent._protocols.append(protocol)  # noqa: SLF001 - as the method in whose place this is
        found.append(protocol.local_candidate)
    return found


async def _open(agent: Connection, address: str, ports: range) -> StunProtocol | None:
    loop = asyncio.get_running_loop()
    for port in _shuffled(ports):
        try:
            _, protocol = await loop.create_datagram_endpoint(
                lambda: StunProtocol(agent), local_addr=(address, port)
            )
        except OSError:
            continue
        opened = protocol.transport.get_extra_info("socket")
        opened.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _RECEIVE_BUFFER_BYTES)
        return protocol
    log.warning("no UDP port is free on %s for a call over WebRTC", address)
    return None


def _shuffled(ports: range) -> Iterable[int]:
    """Return the ports to try, from another one each time: most will be free."""
    if not ports:
        return (0,)
    first = secrets.randbelow(len(ports))
    return (*ports[first:], *ports[:first])
