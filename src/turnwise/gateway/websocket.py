"""The conversation socket, `/v1/convai/conversation`.

Every upgrade is accepted and a refusal told by error message and close code, because clients show
the reason of a close and nothing of a refused upgrade.
"""

from functools import partial

from starlette.websockets import WebSocket

from turnwise.gateway.call import Call, Gateway
from turnwise.gateway.socket_line import SocketLine

PROTOCOL = "convai"


class ConversationSocket:
    """Serves conversations."""

    def __init__(self, gateway: Gateway) -> None:
        self._gateway = gateway

    async def serve(self, socket: WebSocket) -> None:
        """Serve one client, from the upgrade to the close."""
        offered = socket.scope.get("subprotocols") or []
        await socket.accept(PROTOCOL if PROTOCOL in offered else None)
        gateway = self._gateway
        line = SocketLine(socket, gateway.limits, gateway.messages_a_second)
        await Call(gateway, line).answer(partial(gateway.doors.enter, socket))
