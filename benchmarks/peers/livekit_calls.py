"""LiveKit Agents at the work of `work.py`: sound in this process in the place of rooms.

Each call is an `AgentSession` with its own default detector (Silero, one native model for all),
which ends turns after 500 ms of silence. Interruptions count after 200 ms of speech, as Pipecat has
it (LiveKit's default is 500), and in the first three seconds, too. Preemptive generation is off:
nobody else bets here. Nothing is recorded, no transcript is synchronised, and sound is taken as
fast as it comes.
"""

import asyncio
import logging
import time
from typing import Any

from livekit import rtc
from livekit.agents import Agent, AgentSession, llm, stt, tts, utils
from livekit.agents.types import DEFAULT_API_CONNECT_OPTIONS
from livekit.agents.voice import io
from peers import users, work
from peers.silence import EndOfSpeech

INTERRUPTED_AFTER_S = 0.2


class Hears(stt.STT):
    """Gives the text some time after the user fell silent."""

    def __init__(self) -> None:
        super().__init__(capabilities=stt.STTCapabilities(streaming=True, interim_results=False))

    async def _recognize_impl(self, *_: Any, **__: Any) -> stt.SpeechEvent:
        raise NotImplementedError

    def stream(self, **options: Any) -> stt.RecognizeStream:
        conn = options.get("conn_options", DEFAULT_API_CONNECT_OPTIONS)
        return HearsStream(stt=self, conn_options=conn, sample_rate=work.RATE_HZ)


class HearsStream(stt.RecognizeStream):
    async def _run(self) -> None:
        ended = EndOfSpeech()
        async for frame in self._input_ch:
            if isinstance(frame, rtc.AudioFrame) and ended.push(bytes(frame.data)):
                await asyncio.sleep(work.TRANSCRIBER_MS / 1000)
                said = stt.SpeechData(language="en", text=work.HEARD, confidence=1.0)
                kind = stt.SpeechEventType.FINAL_TRANSCRIPT
                self._event_ch.send_nowait(stt.SpeechEvent(type=kind, alternatives=[said]))


class Thinks(llm.LLM):
    def chat(self, *, chat_ctx: Any, tools: Any = None, **options: Any) -> llm.LLMStream:
        conn = options.get("conn_options", DEFAULT_API_CONNECT_OPTIONS)
        return ThinksStream(self, chat_ctx=chat_ctx, tools=tools or [], conn_options=conn)


class ThinksStream(llm.LLMStream):
    async def _run(self) -> None:
        await asyncio.sleep(work.FIRST_TOKEN_MS / 1000)
        for piece in work.pieces():
            delta = llm.ChoiceDelta(role="assistant", content=piece)
            self._event_ch.send_nowait(llm.ChatChunk(id="1", delta=delta))
            await asyncio.sleep(work.TOKEN_MS / 1000)


class Speaks(tts.TTS):
    def __init__(self) -> None:
        capabilities = tts.TTSCapabilities(streaming=False)
        super().__init__(capabilities=capabilities, sample_rate=work.RATE_HZ, num_channels=1)

    def synthesize(self, text: str, **options: Any) -> tts.ChunkedStream:
        conn = options.get("conn_options", DEFAULT_API_CONNECT_OPTIONS)
        return SpeaksChunks(tts=self, input_text=text, conn_options=conn)


class SpeaksChunks(tts.ChunkedStream):
    async def _run(self, output_emitter: tts.AudioEmitter) -> None:
        await asyncio.sleep(work.VOICE_MS / 1000)
        output_emitter.initialize(
            request_id=utils.shortuuid(),
            sample_rate=work.RATE_HZ,
            num_channels=1,
            mime_type="audio/pcm",
        )
        output_emitter.push(work.sound(self._input_text).tobytes())
        output_emitter.flush()


class Microphone(io.AudioInput):
    def __init__(self) -> None:
        super().__init__(label="user")
        self._frames: asyncio.Queue[rtc.AudioFrame] = asyncio.Queue()

    def feed(self, sound: bytes) -> None:
        frame = rtc.AudioFrame(sound, work.RATE_HZ, 1, len(sound) // 2)
        self._frames.put_nowait(frame)

    async def __anext__(self) -> rtc.AudioFrame:
        return await self._frames.get()


class Loudspeaker(io.AudioOutput):
    """Takes all sound at once, and says when it has been heard."""

    def __init__(self, hearing: users.Hearing) -> None:
        super().__init__(
            label="user",
            capabilities=io.AudioOutputCapabilities(pause=False),
            sample_rate=work.RATE_HZ,
        )
        self._hearing = hearing
        self._reply = 0
        self._began_at: float | None = None  # of what is being heard
        self._length_s = 0.0
        self._timer: asyncio.TimerHandle | None = None

    async def capture_frame(self, frame: rtc.AudioFrame) -> None:
        await super().capture_frame(frame)
        if self._began_at is None:
            self._reply += 1
            self._began_at, self._length_s = time.monotonic(), 0.0
            self.on_playback_started(created_at=time.time())  # noqa: TID251 - its wall clock
        self._length_s += frame.duration
        self._hearing.sound(self._reply, frame.duration)

    def flush(self) -> None:
        super().flush()
        if self._began_at is None:
            return
        self._hearing.complete()
        left_s = self._began_at + self._length_s - time.monotonic()
        loop = asyncio.get_running_loop()
        self._timer = loop.call_later(max(0.0, left_s), self._finish, False)

    def clear_buffer(self) -> None:
        if self._began_at is None:
            return
        if self._timer is not None:
            self._timer.cancel()
        self._hearing.silent()
        self._finish(True)

    def _finish(self, interrupted: bool) -> None:  # noqa: FBT001 - called by a timer
        assert self._began_at is not None
        played_s = min(self._length_s, time.monotonic() - self._began_at)
        self._began_at = self._timer = None
        self.on_playback_finished(playback_position=played_s, interrupted=interrupted)


class Session:
    frame_ms = 50
    """As its rooms have it."""

    def __init__(self, hearing: users.Hearing) -> None:
        self._microphone = Microphone()
        self._session: AgentSession[None] = AgentSession(
            stt=Hears(),
            llm=Thinks(),
            tts=Speaks(),
            aec_warmup_duration=None,
            turn_handling={
                "turn_detection": "vad",
                "endpointing": {"min_delay": work.SILENCE_MS / 1000},
                "interruption": {"mode": "vad", "min_duration": INTERRUPTED_AFTER_S},
                "preemptive_generation": {"enabled": False},
            },
        )
        self._session.input.audio = self._microphone
        self._session.output.audio = Loudspeaker(hearing)

    async def open(self) -> None:
        await self._session.start(Agent(instructions="You are brief."), record=False)

    def feed(self, frame: bytes) -> object:
        self._microphone.feed(frame)
        return None

    async def close(self) -> None:
        await self._session.aclose()


if __name__ == "__main__":
    logging.disable(logging.INFO)
    users.main(Session)
