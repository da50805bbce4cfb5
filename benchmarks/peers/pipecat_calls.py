"""Pipecat at the work of `work.py`: sound in this process in the place of its transports.

Each call is a pipeline with a Silero detector of its own. Turns end by silence: 200 ms that the
detector waits, and 300 more. Sound leaves at twice real time in chunks of 40 ms, as its WebSocket
transport sends it. No metrics, no tracing, no silence between replies.
"""

import asyncio
import sys
import time
from collections.abc import AsyncGenerator
from typing import Any

from loguru import logger
from peers import users, work
from peers.silence import EndOfSpeech
from pipecat.audio.vad.silero import SileroVADAnalyzer
from pipecat.audio.vad.vad_analyzer import VADParams
from pipecat.frames.frames import (
    Frame,
    InputAudioRawFrame,
    InterruptionFrame,
    LLMContextFrame,
    LLMFullResponseEndFrame,
    LLMFullResponseStartFrame,
    OutputAudioRawFrame,
    StartFrame,
    TranscriptionFrame,
    TTSAudioRawFrame,
    TTSStoppedFrame,
)
from pipecat.pipeline.pipeline import Pipeline
from pipecat.pipeline.worker import PipelineParams, PipelineWorker
from pipecat.processors.aggregators.llm_context import LLMContext
from pipecat.processors.aggregators.llm_response_universal import (
    LLMContextAggregatorPair,
    LLMUserAggregatorParams,
)
from pipecat.processors.frame_processor import FrameDirection
from pipecat.services.llm_service import LLMService
from pipecat.services.settings import LLMSettings, STTSettings, TTSSettings
from pipecat.services.stt_service import STTService
from pipecat.services.tts_service import TTSService
from pipecat.transports.base_input import BaseInputTransport
from pipecat.transports.base_output import BaseOutputTransport
from pipecat.transports.base_transport import TransportParams
from pipecat.turns.user_start import VADUserTurnStartStrategy
from pipecat.turns.user_stop import SpeechTimeoutUserTurnStopStrategy
from pipecat.turns.user_turn_strategies import UserTurnStrategies
from pipecat.utils.time import time_now_iso8601
from pipecat.workers.runner import WorkerRunner

DETECTOR_STOP_S = 0.2
CHUNK_S = 0.04


class Hears(STTService):
    def __init__(self) -> None:
        settings = STTSettings(model="scripted", language="en")
        super().__init__(ttfs_p99_latency=work.TRANSCRIBER_MS / 1000, settings=settings)
        self._ended = EndOfSpeech()

    async def run_stt(self, audio: bytes) -> AsyncGenerator[Frame | None, None]:
        if self._ended.push(audio):
            self.create_task(self._tell())
        yield None

    async def _tell(self) -> None:
        await asyncio.sleep(work.TRANSCRIBER_MS / 1000)
        frame = TranscriptionFrame(work.HEARD, "user", time_now_iso8601())
        frame.finalized = True
        await self.push_frame(frame)


class Thinks(LLMService):
    def __init__(self, session: "Session") -> None:
        off: dict[str, Any] = dict.fromkeys(
            ("system_instruction", "temperature", "max_tokens", "top_p", "top_k")
        )
        off |= dict.fromkeys(("frequency_penalty", "presence_penalty", "seed"))
        settings = LLMSettings(
            model="scripted",
            filter_incomplete_user_turns=False,
            user_turn_completion_config=None,
            **off,
        )
        super().__init__(settings=settings)
        self._session = session

    async def process_frame(self, frame: Frame, direction: FrameDirection) -> None:
        await super().process_frame(frame, direction)
        if not isinstance(frame, LLMContextFrame):
            await self.push_frame(frame, direction)
            return
        self._session.reply += 1
        await self.push_frame(LLMFullResponseStartFrame())
        await asyncio.sleep(work.FIRST_TOKEN_MS / 1000)
        for piece in work.pieces():
            await self._push_llm_text(piece)
            await asyncio.sleep(work.TOKEN_MS / 1000)
        await self.push_frame(LLMFullResponseEndFrame())


class Speaks(TTSService):
    def __init__(self) -> None:
        super().__init__(
            push_start_frame=True,
            push_stop_frames=True,
            sample_rate=work.RATE_HZ,
            settings=TTSSettings(model="scripted", voice="scripted", language="en"),
        )

    async def run_tts(self, text: str, context_id: str) -> AsyncGenerator[Frame | None, None]:
        await asyncio.sleep(work.VOICE_MS / 1000)
        sound = work.sound(text).tobytes()
        yield TTSAudioRawFrame(sound, work.RATE_HZ, 1, context_id=context_id)


class Microphone(BaseInputTransport):
    async def start(self, frame: StartFrame) -> None:
        await super().start(frame)
        await self.set_transport_ready(frame)

    def feed(self, sound: bytes) -> None:
        self._audio_in_queue.put_nowait(InputAudioRawFrame(sound, work.RATE_HZ, 1))


class Loudspeaker(BaseOutputTransport):
    def __init__(self, params: TransportParams, session: "Session", hearing: users.Hearing) -> None:
        super().__init__(params)
        self._session = session
        self._hearing = hearing
        self._next_at = 0.0

    async def start(self, frame: StartFrame) -> None:
        await super().start(frame)
        await self.set_transport_ready(frame)

    async def process_frame(self, frame: Frame, direction: FrameDirection) -> None:
        await super().process_frame(frame, direction)
        if isinstance(frame, InterruptionFrame):
            self._hearing.silent()
            self._next_at = 0.0

    async def write_transport_frame(self, frame: Frame) -> None:
        if isinstance(frame, TTSStoppedFrame):
            self._hearing.complete()

    async def write_audio_frame(self, frame: OutputAudioRawFrame) -> bool:
        now = time.monotonic()
        self._hearing.sound(self._session.reply, len(frame.audio) / 2 / work.RATE_HZ)
        if self._next_at <= now:
            self._next_at = now + CHUNK_S / 2
        else:
            await asyncio.sleep(self._next_at - now)
            self._next_at += CHUNK_S / 2
        return True


class Session:
    frame_ms = 20
    """As its WebSocket and telephone transports mostly have it."""

    def __init__(self, hearing: users.Hearing) -> None:
        self.reply = 0
        params = TransportParams(
            audio_in_enabled=True,
            audio_out_enabled=True,
            audio_in_sample_rate=work.RATE_HZ,
            audio_out_sample_rate=work.RATE_HZ,
            audio_out_auto_silence=False,
        )
        self._microphone = Microphone(params)
        stopping = SpeechTimeoutUserTurnStopStrategy(
            user_speech_timeout=work.SILENCE_MS / 1000 - DETECTOR_STOP_S
        )
        both = LLMContextAggregatorPair(
            LLMContext([{"role": "system", "content": "You are brief."}]),
            user_params=LLMUserAggregatorParams(
                vad_analyzer=SileroVADAnalyzer(
                    sample_rate=work.RATE_HZ,
                    params=VADParams(stop_secs=DETECTOR_STOP_S, min_volume=0.0),
                ),
                user_turn_strategies=UserTurnStrategies(
                    start=[VADUserTurnStartStrategy()], stop=[stopping]
                ),
            ),
        )
        pipeline = Pipeline(
            [
                self._microphone,
                Hears(),
                both.user(),
                Thinks(self),
                Speaks(),
                Loudspeaker(params, self, hearing),
                both.assistant(),
            ]
        )
        self._worker = PipelineWorker(
            pipeline,
            params=PipelineParams(
                audio_in_sample_rate=work.RATE_HZ, audio_out_sample_rate=work.RATE_HZ
            ),
            idle_timeout_secs=None,
            enable_turn_tracking=False,
            enable_rtvi=False,
        )
        self._ready = asyncio.Event()
        self._running: asyncio.Task[None] | None = None

    async def open(self) -> None:
        @self._worker.event_handler("on_pipeline_started")
        async def _started(*_: Any) -> None:
            self._ready.set()

        self._running = asyncio.create_task(self._run())  # noqa: TID251 - ends with the session
        await asyncio.wait_for(self._ready.wait(), 30)

    async def _run(self) -> None:
        runner = WorkerRunner(handle_sigint=False, check_dangling_tasks=False)
        await runner.add_workers(self._worker)
        await runner.run()

    def feed(self, frame: bytes) -> object:
        self._microphone.feed(frame)
        return None

    async def close(self) -> None:
        await self._worker.cancel()


if __name__ == "__main__":
    logger.remove()
    logger.add(sys.stderr, level="ERROR")
    users.main(Session)
