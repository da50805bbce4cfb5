"""The doors of the rooms: `/rtc` and what clients of LiveKit ask beside it.

A token opens one conversation, once. Where it does not, the upgrade is refused with the reason as
its text: clients then ask `/rtc/validate`, read the same there, and tell it to their user.
"""

import asyncio

from starlette.requests import HTTPConnection, Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import BaseRoute, Route, WebSocketRoute
from starlette.websockets import WebSocket

from turnwise.base.errors import Error
from turnwise.gateway.call import Gateway
from turnwise.gateway.doors import Door
from turnwise.gateway.webrtc.ice import Ice
from turnwise.gateway.webrtc.room import Entry, Room
from turnwise.gateway.webrtc.signalling import Signalling
from turnwise.gateway.webrtc.signals import Names
from turnwise.runtime.choice import Wanted
from turnwise.store import SignatureRejected, Store
from turnwise.store.origins import unix_secs
from turnwise.store.room_tokens import RoomGrant, RoomTokens
from turnwise.store.signing import LIFETIME_SECS
from turnwise.wire import closing

UNAUTHORIZED = 401
CLOSED_S = 0.1
"""So long after a refusal its socket is closed."""
_USED = "the conversation token was used already; ask for a new one"
_CORS = {"access-control-allow-origin": "*"}


class NoEntry(Error):
    """A token does not open a room; says why."""

    code = "no_entry"


class Rooms:
    """The rooms of this process."""

    def __init__(self, gateway: Gateway, tokens: RoomTokens, ice: Ice) -> None:
        self._gateway = gateway
        self._tokens = tokens
        self._ice = ice
        self._live: dict[str, Room] = {}
        self._used: dict[str, float] = {}

    def routes(self) -> list[BaseRoute]:
        """Return what is served."""
        return [
            WebSocketRoute("/rtc", self.serve),
            Route("/rtc/validate", self.validate),
            WebSocketRoute("/rtc/v1", _refuse_newer),
            Route("/rtc/v1/validate", _tell_older),
        ]

    async def serve(self, socket: WebSocket) -> None:
        """Serve one signalling socket."""
        query = socket.query_params
        try:
            grant = self._grant(socket)
            if query.get("reconnect") == "1":
                room = self._returned(grant)
                await socket.accept()
                await room.return_to(Signalling(socket))
            else:
                await self._open(socket, grant, await self._door(grant))
        except NoEntry as refused:
            await _deny(socket, _refusal(refused))

    async def validate(self, request: Request) -> Response:
        """Say whether a token opens a room, without opening it."""
        query = request.query_params
        try:
            grant = self._grant(request)
            if query.get("reconnect") == "1":
                self._returned(grant)
            else:
                await self._door(grant)
        except NoEntry as refused:
            return _refusal(refused)
        return PlainTextResponse("success", headers=_CORS)

    def _returned(self, grant: RoomGrant) -> Room:
        room = self._live.get(grant.conversation_id)
        if room is None:
            raise NoEntry("the conversation is over")
        return room

    async def _open(self, socket: WebSocket, grant: RoomGrant, door: Door) -> None:
        if self._is_used(grant):  # it was not, when the door was opened
            raise NoEntry(_USED)
        # no token is good for longer, but one that was refreshed by the room: it only comes back
        self._used[grant.conversation_id] = unix_secs() + LIFETIME_SECS
        names = Names(
            room=grant.conversation_id, user=f"user_{grant.conversation_id}", user_name=grant.name
        )

        async def enter() -> Door:
            return door

        entry = Entry(names=names, enter=enter, new_token=lambda: self._tokens.sign(grant))
        room = Room(self._gateway, entry, self._ice)
        self._live[names.room] = room
        try:
            await socket.accept()
            await room.hold(Signalling(socket))
        finally:
            del self._live[names.room]

    def _grant(self, asked: HTTPConnection) -> RoomGrant:
        """Return what a token grants: browsers have it in the address, others in a header."""
        bearer = asked.headers.get("authorization", "").removeprefix("Bearer ")
        try:
            return self._tokens.verify(asked.query_params.get("access_token") or bearer)
        except SignatureRejected as rejected:
            raise NoEntry(str(rejected)) from rejected

    async def _door(self, grant: RoomGrant) -> Door:
        """Return how somebody comes in.

        Raises:
            NoEntry: If the token was used, or leads nowhere.
        """
        if self._is_used(grant):
            raise NoEntry(_USED)
        return await door_of(self._gateway.store, grant)

    def _is_used(self, grant: RoomGrant) -> bool:
        now = unix_secs()
        self._used = {name: until for name, until in self._used.items() if until > now}
        return grant.conversation_id in self._used


async def door_of(store: Store, grant: RoomGrant) -> Door:
    """Return how somebody comes in with a token.

    Raises:
        NoEntry: If its conversation was held already, or its agent is not there.
    """
    async with store.reading() as tx:
        record = await tx.agents.get(grant.agent_id)
        held = await tx.conversations.get(grant.conversation_id)
    if held is not None:
        raise NoEntry(_USED)
    if record is None:
        raise NoEntry(closing.UNKNOWN_AGENT.reason)
    return Door(
        document={**record.document, "agent_id": grant.agent_id},
        agent=record,
        wanted=Wanted(version_id=grant.version_id, branch_id=grant.branch_id),
        method=grant.authorization,
        conversation_id=grant.conversation_id,
        environment=grant.environment,
    )


def _refusal(refused: NoEntry) -> Response:
    return PlainTextResponse(str(refused), UNAUTHORIZED, headers=_CORS)


async def _refuse_newer(socket: WebSocket) -> None:
    """Refuse the newer path, with one peer connection: clients then take the older one."""
    await _deny(socket, _nothing_newer())


async def _deny(socket: WebSocket, response: Response) -> None:
    await socket.send_denial_response(response)
    # uvicorn takes it for a fault, and says so in its log, if we return before the socket is closed
    await asyncio.sleep(CLOSED_S)


async def _tell_older(request: Request) -> Response:
    del request
    return _nothing_newer()


def _nothing_newer() -> Response:
    return PlainTextResponse("this server speaks version 0", 404, headers=_CORS)
