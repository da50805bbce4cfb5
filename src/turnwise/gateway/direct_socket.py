"""uvicorn's WebSocket, with a short way for conversations (measured: docs/decisions/0005).

As published each message goes through the protocol's state machine, into a queue, wakes a task, and
stops the reading until that task has taken it. Here a few messages are read ahead; and once a
conversation listens, whole text frames are handed to it where they arrive, and what it says is
written at once. All else goes the published way: fragments, control frames, long frames, errors.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING

from starlette.types import Scope
from typing_extensions import override
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from websockets.frames import Frame, Opcode
from websockets.http11 import Request

if TYPE_CHECKING:
    from websockets.utils import apply_mask
else:
    try:
        from websockets.speedups import apply_mask
    except ImportError:  # where the library has no wheel, it does so itself
        from websockets.utils import apply_mask

MOST_AHEAD = 16
"""Messages that may wait for the application."""
LARGE_BYTES = 65_536
"""A message of this size is the last that is read until it is taken."""

_EXTENSION = "turnwise.direct"
_WHOLE_TEXT = 0x80 | Opcode.TEXT
_MASKED = 0x80
_LENGTH = 0x7F
_MASK_BYTES = 4

Listener = Callable[[bytes], bool]
"""Takes the payload of a text frame; False: it must come the usual way, and so must all others."""


class DirectSocket(WebSocketsSansIOProtocol):
    """One WebSocket; nothing is different before `listen`, but for the reading ahead."""

    _listener: Listener | None = None
    _kept: bytearray
    """The begin of a frame whose end has not come."""
    _owed = 0
    """Bytes of the present frame that the state machine has still to get."""
    _in_fragments = False

    def listen(self, listener: Listener) -> None:
        """Hand all messages to a listener, those that wait first."""
        self._kept = bytearray()
        self._listener = listener
        while self._listener is not None and not self.queue.empty():
            event = self.queue.get_nowait()
            text = event.get("text")
            if not isinstance(text, str) or not listener(text.encode()):
                self._listener = None
                rest = [event, *(self.queue.get_nowait() for _ in range(self.queue.qsize()))]
                for each in rest:
                    self.queue.put_nowait(each)
        if self._listener is not None and self.read_paused:
            self.read_paused = False
            self.transport.resume_reading()

    def say(self, text: bytes) -> bool:
        """Send a message now; False: the client must read first, or is gone."""
        if self.close_sent or self.disconnected or not self.writable.is_set():
            return False
        if self.transport.is_closing():
            return False
        self.transport.write(Frame(Opcode.TEXT, text).serialize(mask=False))
        return True

    @override
    def handle_connect(self, event: Request) -> None:
        super().handle_connect(event)
        if self.response.status_code == 101:
            self.scope["extensions"][_EXTENSION] = {"socket": self}

    @override
    def data_received(self, data: bytes) -> None:
        if self._listener is None:
            super().data_received(data)
            return
        if self._kept:
            self._kept += data
            data = bytes(self._kept)
            self._kept.clear()
        while data and self._listens():
            taken = self._take_frame(data)
            if not taken:
                self._kept += data
                return
            data = data[taken:]
        if data:
            super().data_received(data)

    def _listens(self) -> bool:
        return self._listener is not None

    def _take_frame(self, data: bytes) -> int:
        """Deal with the first frame, or a part of it; return how many bytes that were."""
        if self._owed:
            return self._pass_on(data, self._owed)
        head, length = _header(data)
        if not head:
            return 0
        end = head + length
        plain = data[0] == _WHOLE_TEXT and data[1] & _MASKED and length < LARGE_BYTES
        if not plain or self._in_fragments:
            opcode, final = data[0] & 0x0F, data[0] & 0x80
            if opcode in (Opcode.CONT, Opcode.TEXT, Opcode.BINARY):
                self._in_fragments = not final
            return self._pass_on(data, end)
        if len(data) < end:
            return 0
        self._deliver(apply_mask(data[head:end], data[head - _MASK_BYTES : head]))
        return end

    def _pass_on(self, data: bytes, size: int) -> int:
        part = data[:size]
        self._owed = size - len(part)
        super().data_received(part)
        return len(part)

    def _deliver(self, payload: bytes) -> None:
        self.curr_msg_data_type = "text"
        self.frames = [payload]
        self.send_receive_event_to_app()

    @override
    def send_receive_event_to_app(self) -> None:
        if self._listener is not None and not self.close_sent:
            payload = self.frames[0] if len(self.frames) == 1 else b"".join(self.frames)
            if self._listener(payload):
                self.frames = []
                return
            self._listener = None
        size = sum(map(len, self.frames))
        stop = self.read_paused or size >= LARGE_BYTES or self.queue.qsize() >= MOST_AHEAD
        self.read_paused = self.read_paused or not stop  # paused already, it does not pause
        super().send_receive_event_to_app()
        self.read_paused = stop


def _header(data: bytes) -> tuple[int, int]:
    """Return the size of a frame's header and of its payload; (0, 0): the header is not whole."""
    if len(data) < 2:
        return 0, 0
    masked, length = data[1] & _MASKED, data[1] & _LENGTH
    more = {126: 2, 127: 8}.get(length, 0)
    head = 2 + more + (_MASK_BYTES if masked else 0)
    if len(data) < head:
        return 0, 0
    return head, int.from_bytes(data[2 : 2 + more]) if more else length


def direct_socket(scope: Scope) -> DirectSocket | None:
    """Return the socket behind a connection; None: another server serves it."""
    found = scope.get("extensions", {}).get(_EXTENSION)
    return found["socket"] if found is not None else None
