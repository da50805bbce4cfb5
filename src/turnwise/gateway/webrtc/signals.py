"""The signals of a room, as LiveKit's protocol has them (version 0 of its path: `/rtc`).

Only what a room of two needs: the user, and the agent with one track of sound.
"""

from dataclasses import dataclass

from google.protobuf.message import DecodeError
from livekit.protocol import models, rtc

from turnwise.wire.errors import WireError

PROTOCOL = 16
"""The version of LiveKit's protocol whose messages these are."""
SERVER_VERSION = "1.9.0"
"""The LiveKit server that clients take this for: they switch features by it."""
PING_INTERVAL_S = 5
PING_TIMEOUT_S = 15

AGENT_IDENTITY = "agent"
"""Clients know the agent by this beginning of its identity."""
_TRACK_NAME = "agent_audio"


@dataclass(frozen=True, slots=True, kw_only=True)
class Names:
    """What everything in one room is called."""

    room: str
    """The conversation's id: clients read it from here."""
    user: str
    """Identity of the user."""
    user_name: str = "user"

    @property
    def agent(self) -> str:
        """Identity of the agent."""
        return f"{AGENT_IDENTITY}_{self.room}"

    @property
    def room_sid(self) -> str:
        """Number of the room."""
        return f"RM_{self.room}"

    @property
    def user_sid(self) -> str:
        """Number of the user."""
        return f"PA_user_{self.room}"

    @property
    def agent_sid(self) -> str:
        """Number of the agent."""
        return f"PA_agent_{self.room}"

    @property
    def track_sid(self) -> str:
        """Number of the agent's sound."""
        return f"TR_agent_{self.room}"

    @property
    def stream(self) -> str:
        """From this clients learn whose sound it is."""
        return f"{self.agent_sid}|{self.track_sid}"


def read(data: bytes) -> rtc.SignalRequest:
    """Return a client's signal.

    Raises:
        WireError: If it is none.
    """
    try:
        return rtc.SignalRequest.FromString(data)
    except DecodeError as error:
        raise WireError("the signal is no SignalRequest of LiveKit's protocol") from error


def join(names: Names, servers: list[rtc.ICEServer]) -> rtc.SignalResponse:
    """Return the welcome.

    Args:
        names: Of the room.
        servers: Relays that the client may use.
    """
    permission = models.ParticipantPermission(
        can_subscribe=True, can_publish=True, can_publish_data=True
    )
    user = models.ParticipantInfo(
        sid=names.user_sid,
        identity=names.user,
        name=names.user_name,
        state=models.ParticipantInfo.State.JOINED,
        permission=permission,
    )
    welcome = rtc.JoinResponse(
        room=models.Room(sid=names.room_sid, name=names.room, num_participants=2),
        participant=user,
        other_participants=[agent(names)],
        server_version=SERVER_VERSION,
        ice_servers=servers,
        subscriber_primary=True,
        ping_timeout=PING_TIMEOUT_S,
        ping_interval=PING_INTERVAL_S,
        server_info=_server(),
        enabled_publish_codecs=[models.Codec(mime="audio/opus")],
        fast_publish=True,
    )
    return rtc.SignalResponse(join=welcome)


def reconnected(servers: list[rtc.ICEServer]) -> rtc.SignalResponse:
    """Return the welcome of a client that comes back."""
    return rtc.SignalResponse(
        reconnect=rtc.ReconnectResponse(ice_servers=servers, server_info=_server())
    )


def _server() -> models.ServerInfo:
    return models.ServerInfo(version=SERVER_VERSION, protocol=PROTOCOL)


def agent(names: Names, *, here: bool = True) -> models.ParticipantInfo:
    """Return what is told of the agent."""
    states = models.ParticipantInfo.State
    track = models.TrackInfo(
        sid=names.track_sid,
        type=models.TrackType.AUDIO,
        name=_TRACK_NAME,
        source=models.TrackSource.MICROPHONE,
        mime_type="audio/opus",
        disable_red=True,
    )
    return models.ParticipantInfo(
        sid=names.agent_sid,
        identity=names.agent,
        name="agent",
        state=states.ACTIVE if here else states.DISCONNECTED,
        tracks=[track] if here else [],
        kind=models.ParticipantInfo.Kind.AGENT,
        is_publisher=here,
        version=1 if here else 2,
    )


def participants(*told: models.ParticipantInfo) -> rtc.SignalResponse:
    """Return what changed about those in the room."""
    return rtc.SignalResponse(update=rtc.ParticipantUpdate(participants=told))


def offer(sdp: str) -> rtc.SignalResponse:
    """Return the offer of the agent's sound."""
    return rtc.SignalResponse(offer=rtc.SessionDescription(type="offer", sdp=sdp, id=1))


def answer(sdp: str, number: int) -> rtc.SignalResponse:
    """Return the answer to an offer of the client, with its number."""
    return rtc.SignalResponse(answer=rtc.SessionDescription(type="answer", sdp=sdp, id=number))


def published(asked: rtc.AddTrackRequest, sid: str) -> rtc.SignalResponse:
    """Return that a track of the client may come."""
    track = models.TrackInfo(
        sid=sid,
        type=asked.type,
        name=asked.name,
        source=asked.source,
        muted=asked.muted,
        disable_dtx=True,
        disable_red=True,
        mime_type="audio/opus",
    )
    return rtc.SignalResponse(
        track_published=rtc.TrackPublishedResponse(cid=asked.cid, track=track)
    )


def speaking(names: Names, *, active: bool) -> rtc.SignalResponse:
    """Return whether the agent is to be heard."""
    speaker = models.SpeakerInfo(sid=names.agent_sid, level=0.5 if active else 0.0, active=active)
    return rtc.SignalResponse(speakers_changed=rtc.SpeakersChanged(speakers=[speaker]))


def refreshed(token: str) -> rtc.SignalResponse:
    """Return a token that is good for longer."""
    return rtc.SignalResponse(refresh_token=token)


def pong(asked: rtc.Ping, now_ms: int) -> rtc.SignalResponse:
    """Return the answer to a ping."""
    return rtc.SignalResponse(
        pong_resp=rtc.Pong(last_ping_timestamp=asked.timestamp, timestamp=now_ms)
    )


def old_pong(now_ms: int) -> rtc.SignalResponse:
    """Return the answer to a ping of older clients."""
    return rtc.SignalResponse(pong=now_ms)


def leave(*, failed: bool) -> rtc.SignalResponse:
    """Return that it is over, and not to be taken up again."""
    reasons = models.DisconnectReason
    reason = reasons.AGENT_ERROR if failed else reasons.ROOM_DELETED
    action = rtc.LeaveRequest.Action.DISCONNECT
    return rtc.SignalResponse(leave=rtc.LeaveRequest(reason=reason, action=action))


def packet(names: Names, payload: bytes) -> bytes:
    """Return a message of the agent as it goes over a channel."""
    data = models.DataPacket(
        kind=models.DataPacket.Kind.RELIABLE,
        participant_identity=names.agent,
        user=models.UserPacket(
            participant_sid=names.agent_sid, participant_identity=names.agent, payload=payload
        ),
    )
    return data.SerializeToString()


def payload(data: bytes) -> bytes | None:
    """Return the message in a packet of the user; None: there is another thing in it.

    Raises:
        WireError: If it is no packet.
    """
    try:
        found = models.DataPacket.FromString(data)
    except DecodeError as error:
        raise WireError("the packet is no DataPacket of LiveKit's protocol") from error
    return found.user.payload if found.WhichOneof("value") == "user" else None
