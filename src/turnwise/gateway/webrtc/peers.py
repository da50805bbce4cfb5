"""The two peer connections of one room: the user listens on one and speaks on the other.

What goes wrong in a description of the client is a `WireError`; what goes wrong later is a state.
"""

import asyncio
import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from aiortc import (
    RTCConfiguration,
    RTCDataChannel,
    RTCPeerConnection,
    RTCRtpReceiver,
    RTCSessionDescription,
)
from aiortc.exceptions import InternalError, InvalidAccessError, InvalidStateError, OperationError
from aiortc.rtcconfiguration import RTCBundlePolicy
from aiortc.rtp import RtpPacket
from aiortc.sdp import candidate_from_sdp

from turnwise.gateway.webrtc.ice import Ice, agents_of
from turnwise.gateway.webrtc.jitter import Arrived
from turnwise.wire.errors import WireError

RELIABLE, LOSSY = "_reliable", "_lossy"
"""The channels of messages, as LiveKit calls them."""
LONGEST_DESCRIPTION = 64 * 1024
MOST_SECTIONS = 16
"""Media in one description; a user needs two."""
MOST_CANDIDATES = 64

_SDP_FAULTS = (
    ValueError,
    LookupError,
    TypeError,
    AttributeError,
    AssertionError,
    InternalError,
    InvalidAccessError,
    InvalidStateError,
    OperationError,
)
"""What the library raises when it reads a description that is none."""
_MSID = re.compile(r"^a=msid:.*$", re.MULTILINE)
_ENDED = ("failed", "closed")


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """Who is told what happens."""

    message: Callable[[bytes], None]
    """A packet came on a channel."""
    sound: Callable[[Arrived], None]
    """A packet of the user's sound came."""
    changed: Callable[[], None]
    """A connection came about, or ended."""


class Subscriber:
    """Carries the agent's sound and messages to the user."""

    def __init__(self, track: Any, ice: Ice, told: Told) -> None:  # noqa: ANN401 - of the library
        """Get ready.

        Args:
            track: The agent's sound.
            ice: Where it goes through.
            told: Who is told what happens.
        """
        self._connection = _connection()
        self._ice = ice
        self._candidates = _Candidates(self._connection)
        self._connection.addTransceiver(track, "sendonly")
        self.reliable: RTCDataChannel = self._connection.createDataChannel(RELIABLE)
        lossy = self._connection.createDataChannel(LOSSY, ordered=False, maxRetransmits=0)
        for channel in (self.reliable, lossy):
            channel.on("message", _bytes_to(told.message))
        self.reliable.on("open", told.changed)
        self._connection.on("connectionstatechange", told.changed)

    @property
    def connected(self) -> bool:
        """Whether messages can be sent."""
        return self.reliable.readyState == "open"

    @property
    def ended(self) -> bool:
        """Whether nothing will come through any more."""
        return self._connection.connectionState in _ENDED

    async def offer(self, stream: str, track: str) -> str:
        """Return what is offered to the user.

        Args:
            stream: What the client takes the sound's owner from.
            track: Its number.
        """
        self._ice.bind(self._connection)
        await self._connection.setLocalDescription(await self._connection.createOffer())
        text = _MSID.sub(f"a=msid:{stream} {track}\r", self._connection.localDescription.sdp)
        return self._ice.advertised(text)

    async def answered(self, sdp: str) -> None:
        """Take the user's answer.

        Raises:
            WireError: If it is none.
        """
        await _set_remote(self._connection, sdp, "answer")
        await self._candidates.ready()

    async def candidate(self, init: str) -> None:
        """Take a way to reach the user.

        Raises:
            WireError: If it is none.
        """
        await self._candidates.add(init)

    async def close(self) -> None:
        """Let go of all that it holds."""
        await self._connection.close()


class Publisher:
    """Carries the user's sound and messages to the agent."""

    def __init__(self, ice: Ice, told: Told) -> None:
        self._connection = _connection()
        self._ice = ice
        self._told = told
        self._candidates = _Candidates(self._connection)
        self._heard = False
        self._settled = asyncio.Event()
        self._settled.set()
        self._connection.on("datachannel", self._channel)
        self._connection.on("connectionstatechange", self._changed)

    async def offered(self, sdp: str) -> str:
        """Take what the user offers; return the answer. It may offer more, again and again.

        The library forgets what is offered while it connects: a later offer waits for that.

        Raises:
            WireError: If it is no offer, or one of nothing that we take.
        """
        await self._settled.wait()
        await _set_remote(self._connection, sdp, "offer")
        self._restart(sdp)
        try:
            self._ice.bind(self._connection)
            await self._connection.setLocalDescription(await self._connection.createAnswer())
        except _SDP_FAULTS as error:
            raise WireError(f"the offer cannot be answered: {error}") from error
        for transceiver in self._connection.getTransceivers():
            if transceiver.currentDirection in {"recvonly", "sendrecv"}:  # others never send
                self._listen(transceiver.receiver, heard=transceiver.kind == "audio")
        await self._candidates.ready()
        if self._connection.connectionState in {"new", "connecting"}:
            self._settled.clear()
        return self._ice.advertised(self._connection.localDescription.sdp)

    def _changed(self) -> None:
        if self._connection.connectionState in {"connected", *_ENDED}:
            self._settled.set()

    async def candidate(self, init: str) -> None:
        """Take a way to reach the user.

        Raises:
            WireError: If it is none.
        """
        await self._candidates.add(init)

    async def close(self) -> None:
        """Let go of all that it holds."""
        await self._connection.close()

    def _channel(self, channel: RTCDataChannel) -> None:
        channel.on("message", _bytes_to(self._told.message))

    def _listen(self, receiver: RTCRtpReceiver, *, heard: bool) -> None:
        """Take the packets of a track as they come; those of all but the first are dropped.

        The library's own buffer holds back 80 ms, and 300 ms more after the first loss.
        """

        async def take(packet: RtpPacket, arrival_time_ms: int) -> None:
            del arrival_time_ms
            arrived = Arrived(packet.ssrc, packet.sequence_number, packet.timestamp, packet.payload)
            if packet.payload:
                self._told.sound(arrived)

        async def drop(packet: RtpPacket, arrival_time_ms: int) -> None:
            del packet, arrival_time_ms

        if "_handle_rtp_packet" in vars(receiver):
            return
        receiver._handle_rtp_packet = take if heard and not self._heard else drop  # type: ignore[method-assign] # noqa: SLF001
        self._heard = self._heard or heard

    def _restart(self, sdp: str) -> None:
        """Go on where the client begins ICE anew: with its new name and password.

        The library reads them only once. Ours stay, which browsers take.
        """
        name, password = (re.search(rf"^a=ice-{each}:(\S+)", sdp, re.MULTILINE) for each in _ICE)
        for agent in agents_of(self._connection):
            if agent.remote_username and name and password:
                agent.remote_username, agent.remote_password = name[1], password[1]


_ICE = ("ufrag", "pwd")


class _Candidates:
    """Keeps what comes before the description that it belongs to."""

    def __init__(self, connection: RTCPeerConnection) -> None:
        self._connection = connection
        self._early: list[str] = []
        self._described = False
        self._taken = 0

    async def add(self, init: str) -> None:
        self._taken += 1
        if self._taken > MOST_CANDIDATES:
            return
        if not self._described:
            self._early.append(init)
            return
        try:
            data = json.loads(init)
            text = data["candidate"].removeprefix("candidate:")
            # names that only the user's own network knows cannot be reached; it reaches us
            if not text or ".local " in text or " tcp " in text.lower():
                return
            candidate = candidate_from_sdp(text)
            candidate.sdpMid = data.get("sdpMid")
            candidate.sdpMLineIndex = data.get("sdpMLineIndex")
            await self._connection.addIceCandidate(candidate)
        except _SDP_FAULTS as error:
            raise WireError("a trickled candidate cannot be read") from error

    async def ready(self) -> None:
        self._described = True
        early, self._early = self._early, []
        for init in early:
            await self.add(init)


def _connection() -> RTCPeerConnection:
    policy = RTCBundlePolicy.MAX_BUNDLE
    return RTCPeerConnection(RTCConfiguration(iceServers=[], bundlePolicy=policy))


async def _set_remote(connection: RTCPeerConnection, sdp: str, kind: str) -> None:
    if len(sdp) > LONGEST_DESCRIPTION or sdp.count("\nm=") > MOST_SECTIONS:
        raise WireError(f"the {kind} is too long")
    if "\nm=" not in sdp:
        raise WireError(f"the {kind} cannot be read: there are no media in it")
    try:
        await connection.setRemoteDescription(RTCSessionDescription(sdp=sdp, type=kind))
    except _SDP_FAULTS as error:
        raise WireError(f"the {kind} cannot be read: {type(error).__name__}") from error


def _bytes_to(take: Callable[[bytes], None]) -> Callable[[str | bytes], None]:
    return lambda data: take(data.encode() if isinstance(data, str) else data)


async def close_all(*peers: Subscriber | Publisher) -> None:
    """Close connections, all at once, not one after the other."""
    async with asyncio.TaskGroup() as tasks:
        for peer in peers:
            tasks.create_task(peer.close())
