"""The addresses that carriers connect calls to: `/v1/convai/telephony/{carrier}/stream`."""

from starlette.routing import WebSocketRoute
from starlette.websockets import WebSocket

from turnwise.gateway.call import Call, Gateway
from turnwise.gateway.carriers.doors import Calling, CarrierDoors
from turnwise.gateway.carriers.line import CarrierLine
from turnwise.gateway.doors import Door
from turnwise.gateway.line import LineGone
from turnwise.runtime.initiation import InitiationWebhook
from turnwise.store import Signer
from turnwise.wire import closing
from turnwise.wire.carriers import Dialect, StreamStarted
from turnwise.wire.errors import WireError
from turnwise.wire.telnyx import Telnyx
from turnwise.wire.twilio import Twilio

PATH = "/v1/convai/telephony"
OVER = closing.Ending(closing.NORMAL, "", None, "")


class CarrierSocket:
    """Serves the calls of one carrier."""

    def __init__(self, gateway: Gateway, doors: CarrierDoors, dialect: Dialect) -> None:
        self._gateway = gateway
        self._doors = doors
        self._dialect = dialect

    async def serve(self, socket: WebSocket) -> None:
        """Serve one call, from the upgrade to the close."""
        await socket.accept()
        line = CarrierLine(socket, self._dialect)
        try:
            start = await line.started()
        except WireError as error:
            await line.close(closing.refusal(error))
            return
        except LineGone:
            await line.close(OVER)
            return
        await Call(self._gateway, line).answer(lambda: self._enter(socket, line, start))
        await line.close(OVER)  # a carrier that said `stop` may leave its socket open

    async def _enter(self, socket: WebSocket, line: CarrierLine, start: StreamStarted) -> Door:
        calling = Calling(socket=socket, carrier=self._dialect.name, start=start)
        admitted = await self._doors.enter(calling)
        line.init = admitted.init
        return admitted.door


def carrier_routes(gateway: Gateway, signer: Signer, public_url: str = "") -> list[WebSocketRoute]:
    """Return the addresses of all carriers.

    Args:
        gateway: Holds the calls.
        signer: Of the tokens that calls show.
        public_url: How carriers reach this server; empty: as they asked for it.
    """
    house = gateway.house
    webhook = None
    if house.outgoing is not None:
        webhook = InitiationWebhook(store=house.store, vault=house.vault, outgoing=house.outgoing)
    doors = CarrierDoors(
        store=house.store,
        signer=signer,
        vault=house.vault,
        webhook=webhook,
        public_url=public_url,
    )
    dialects: list[Dialect] = [Twilio(), Telnyx()]
    return [
        WebSocketRoute(f"{PATH}/{each.name}/stream", CarrierSocket(gateway, doors, each).serve)
        for each in dialects
    ]
