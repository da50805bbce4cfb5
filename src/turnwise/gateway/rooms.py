"""Where conversations over WebRTC are held: in rooms of our own, or in those of a LiveKit server.

What they need are extras of the installation: nothing of it is read before rooms are opened.
"""

from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path
from typing import Protocol

from starlette.routing import BaseRoute

from turnwise.base.errors import ConfigError
from turnwise.gateway.call import Gateway
from turnwise.store.room_tokens import RoomTokens, open_room_tokens


@dataclass(frozen=True, slots=True, kw_only=True)
class RoomWishes:
    """What the operator chose."""

    address: str = ""
    """Under which clients reach this machine; empty: its own addresses."""
    ports: str = ""
    """UDP ports for sound, as FIRST-LAST; empty: any."""
    turn_urls: str = ""
    """Relays for clients, with commas between them."""
    turn_username: str = ""
    turn_password: str = field(default="", repr=False)
    turn_secret: str = field(default="", repr=False)
    livekit_url: str = ""
    """A LiveKit server; empty: the rooms are our own."""
    livekit_api_key: str = ""
    livekit_api_secret: str = field(default="", repr=False)


class RoomHouse(Protocol):
    """Where rooms are."""

    @property
    def tokens(self) -> RoomTokens:
        """Who lets users in."""
        ...

    def routes(self, gateway: Gateway) -> list[BaseRoute]:
        """Return the addresses that are served; from here on calls are held."""
        ...


async def open_rooms(wishes: RoomWishes, data: Path, stack: AsyncExitStack) -> RoomHouse | None:
    """Return where rooms are; None where nothing for it is installed.

    Args:
        wishes: What the operator chose.
        data: The data folder.
        stack: Closes them: put in before what ends the live calls, to be closed after it.

    Raises:
        ConfigError: If a LiveKit server is chosen and something for it is missing.
    """
    if wishes.livekit_url:
        return await _at_livekit(wishes, stack)
    if find_spec("aiortc") is None or find_spec("livekit") is None:
        return None
    return _Own(open_room_tokens(data), wishes)


@dataclass(frozen=True, slots=True)
class _Own:
    """Rooms of our own."""

    tokens: RoomTokens
    wishes: RoomWishes

    def routes(self, gateway: Gateway) -> list[BaseRoute]:
        from turnwise.gateway.webrtc.ice import Ice, Relays  # noqa: PLC0415 - optional, and heavy
        from turnwise.gateway.webrtc.rooms import Rooms  # noqa: PLC0415 - optional, and heavy

        wishes = self.wishes
        relays = Relays(
            urls=tuple(filter(None, (url.strip() for url in wishes.turn_urls.split(",")))),
            username=wishes.turn_username,
            password=wishes.turn_password,
            secret=wishes.turn_secret,
        )
        ice = Ice(public_address=wishes.address, ports=_ports(wishes.ports), relays=relays)
        return Rooms(gateway, self.tokens, ice).routes()


async def _at_livekit(wishes: RoomWishes, stack: AsyncExitStack) -> RoomHouse:
    if not (wishes.livekit_api_key and wishes.livekit_api_secret):
        raise ConfigError(
            "livekit_url is set, and livekit_api_key or livekit_api_secret is not;"
            " they are in the settings of the LiveKit server"
        )
    try:
        from turnwise.gateway import livekit_room  # noqa: PLC0415 - optional, and heavy
    except ImportError as error:
        raise ConfigError(
            f"livekit_url is set, and {error.name} is not installed:"
            " pip install 'turnwise[livekit]'"
        ) from error
    server = livekit_room.LiveKitServer(
        url=wishes.livekit_url,
        api_key=wishes.livekit_api_key,
        api_secret=wishes.livekit_api_secret,
    )
    return await stack.enter_async_context(livekit_room.LiveKitRooms(server))


def _ports(text: str) -> range:
    first, _, last = text.partition("-")
    return range(int(first), int(last) + 1) if text else range(0)
