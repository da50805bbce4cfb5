"""pocketsphinx: English speech to text that works right after install, a demo of the real thing.

It holds Python's lock while it works, so it works in other processes; each hears one utterance at a
time. They start with the provider and load their model while the server goes on. One that dies
fails its utterance and is started anew.
"""

import asyncio
import json
import os
import subprocess
import sys
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import aclosing, suppress
from typing import IO, BinaryIO, TypeVar, cast

from turnwise.audio.pcm import Pcm
from turnwise.base.errors import (
    ProviderBroken,
    ProviderRefused,
    ProviderTimeout,
    ProviderUnavailable,
)
from turnwise.providers.pieces import in_pieces
from turnwise.providers.ports import LISTENING_HZ, ListeningOptions, Words
from turnwise.providers.spec import ProviderSpec
from turnwise.providers.stt.pocketsphinx_worker import read_frame, write_frame

SPEC = ProviderSpec(
    kind="stt",
    name="pocketsphinx",
    sentence="pocketsphinx, English; works right after install, and mishears a lot.",
    quality="demo",
    licence="BSD; its model of English comes with it.",
    extra="demo",
    modules=("pocketsphinx",),
)

_MOST_WORKERS = 4

T = TypeVar("T")


class PocketSphinx:
    """Transcribes English. Make it, and `aclose` it, on the same event loop that uses it."""

    SPEC = SPEC

    def __init__(
        self,
        *,
        workers: int | None = None,
        patience_s: float = 3.0,
        reply_timeout_s: float = 20.0,
        language: str = "en",
        decoder: dict[str, str] | None = None,
        cores: int | None = None,
    ) -> None:
        """Start the workers; they are not waited for.

        Args:
            workers: Processes, each with about 90 MiB; None: one for each core but one, at most 4.
            patience_s: Longest time for which an utterance waits for a free worker.
            reply_timeout_s: Longest time for which a worker may think, loading included.
            language: What the model is for, if `decoder` names another one.
            decoder: More options of the decoder: `hmm`, `lm`, `dict` are paths.
            cores: Cores that are for it and the server; None: all of the machine.

        Raises:
            ProviderRefused: If the package is missing.
        """
        SPEC.check_installed()
        self._patience_s = patience_s
        self._reply_timeout_s = reply_timeout_s
        self._language = language
        # Two passes at the end of an utterance are left out: 8 ms instead of 125 for hardly more
        # errors. measured: speech lab, section 3
        settings = {
            "samprate": LISTENING_HZ,
            "fwdflat": False,
            "bestpath": False,
            **(decoder or {}),
        }
        cores = cores or os.cpu_count() or 1
        count = workers or min(max(1, cores - 1), _MOST_WORKERS)
        self._workers = [_Worker(settings) for _ in range(count)]
        self._free: asyncio.LifoQueue[_Worker] = asyncio.LifoQueue()  # the warmest first
        for worker in self._workers:
            self._free.put_nowait(worker)
        self._closed = False

    async def transcribe(
        self, utterance: AsyncIterator[Pcm], options: ListeningOptions
    ) -> AsyncGenerator[Words, None]:
        """Yield tentative words whenever they change, and the final ones. Keywords change nothing.

        Raises:
            ProviderRefused: If the language is another one, or the model cannot be loaded.
            ProviderUnavailable: If no worker is free in time.
            ProviderTimeout: If the worker does not answer.
            ProviderBroken: If the worker dies.
        """
        if options.language.partition("-")[0] != self._language:
            raise ProviderRefused(
                SPEC.full_name,
                f"the language is {options.language!r}; this model knows {self._language!r} only",
            )
        worker = await self._take_worker()
        try:
            told = ""
            async with aclosing(in_pieces(utterance)) as chunks:
                async for chunk in chunks:
                    words = await self._ask(worker, b"A", chunk)
                    if words != told:
                        told = words
                        yield Words(told, final=False)
            final = await self._ask(worker, b"E")
        finally:
            self._give_back(worker)
        yield Words(final, final=True)

    async def aclose(self) -> None:
        """End the workers; utterances that go on fail."""
        self._closed = True
        for worker in self._workers:
            worker.kill()
        for worker in self._workers:
            await asyncio.wrap_future(worker.run(worker.stop))
            worker.end_thread()

    @property
    def worker_pids(self) -> tuple[int, ...]:
        """The processes that hear now."""
        return tuple(worker.pid for worker in self._workers)

    async def _take_worker(self) -> "_Worker":
        try:
            async with asyncio.timeout(self._patience_s):
                worker = await self._free.get()
        except TimeoutError:
            raise ProviderUnavailable(
                SPEC.full_name,
                f"all {len(self._workers)} workers were busy for {self._patience_s} s",
            ) from None
        if self._closed:
            self._free.put_nowait(worker)
            raise _closed()
        return worker

    async def _ask(self, worker: "_Worker", letter: bytes, data: bytes = b"") -> str:
        if self._closed:
            raise _closed()
        answer = asyncio.wrap_future(worker.run(lambda: worker.ask(letter, data)))
        try:
            async with asyncio.timeout(self._reply_timeout_s):
                return await answer
        except TimeoutError:
            worker.kill()
            raise ProviderTimeout(
                SPEC.full_name, f"a worker did not answer in {self._reply_timeout_s} s"
            ) from None

    def _give_back(self, worker: "_Worker") -> None:
        """Make the worker ready for others, in its own thread: nobody waits for that."""
        if self._closed:
            return
        loop = asyncio.get_running_loop()

        def freed(_: "Future[None]") -> None:
            if not loop.is_closed():
                loop.call_soon_threadsafe(self._free.put_nowait, worker)

        worker.run(worker.make_ready).add_done_callback(freed)


class _Worker:
    """One process, and the thread that talks to it."""

    def __init__(self, settings: dict[str, object]) -> None:
        self._command = [sys.executable, "-m", "turnwise.providers.stt.pocketsphinx_worker"]
        self._command.append(json.dumps(settings))
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="pocketsphinx")
        self._process = self._start()
        self._loaded = False
        self._listening = False
        self._stopped = False

    @property
    def pid(self) -> int:
        return self._process.pid

    def run(self, job: Callable[[], T]) -> "Future[T]":
        """Do something in the thread, after all before."""
        return self._thread.submit(job)

    def end_thread(self) -> None:
        self._thread.shutdown(wait=False)

    def kill(self) -> None:
        """End the process; whoever waits for its answer fails."""
        self._process.kill()

    # --- in the thread ------------------------------------------------------------------------

    def ask(self, letter: bytes, data: bytes) -> str:
        """Send a request and return the answer's words."""
        if self._stopped:
            raise _closed()
        if not self._listening and self._process.poll() is not None:  # died while nobody listened
            self._restart()
        self._load()
        self._listening = letter == b"A"
        try:
            write_frame(self._pipe(self._process.stdin), letter, data)
        except OSError as error:
            raise self._died() from error
        return self._answer(b"W").decode()

    def make_ready(self) -> None:
        """Forget an utterance that was given up, and replace a process that died."""
        if self._process.poll() is None and self._listening:
            with suppress(ProviderBroken):
                self.ask(b"X", b"")
        if self._process.poll() is not None:
            self._restart()
        self._listening = False

    def stop(self) -> None:
        """End the process for good and wait until it has ended."""
        self._stopped = True
        self._reap()

    def _reap(self) -> None:
        self._process.kill()
        self._process.wait()
        for pipe in (self._process.stdin, self._process.stdout):
            with suppress(BrokenPipeError):  # what was not yet sent is of no use any more
                self._pipe(pipe).close()

    def _died(self) -> ProviderBroken:
        self._process.kill()
        self._process.wait()  # from here on everybody sees that it is gone
        return ProviderBroken(SPEC.full_name, "a worker died")

    def _restart(self) -> None:
        self._reap()
        self._process = self._start()
        self._loaded = False

    def _start(self) -> "subprocess.Popen[bytes]":
        return subprocess.Popen(self._command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)  # noqa: S603

    def _load(self) -> None:
        if not self._loaded:
            self._answer(b"R")
            self._loaded = True

    def _answer(self, expected: bytes) -> bytes:
        frame = read_frame(self._pipe(self._process.stdout))
        if frame is None:
            raise self._died()
        letter, data = frame
        if letter == b"F":
            raise ProviderRefused(SPEC.full_name, f"the model cannot be loaded: {data.decode()}")
        assert letter == expected, letter
        return data

    @staticmethod
    def _pipe(pipe: IO[bytes] | None) -> BinaryIO:
        assert pipe is not None
        return cast("BinaryIO", pipe)


def _closed() -> ProviderUnavailable:
    return ProviderUnavailable(SPEC.full_name, "the transcriber was closed")
