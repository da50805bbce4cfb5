"""A process that hears with pocketsphinx, one utterance at a time. It ends when its input does.

It reads requests and writes one answer to each, both framed as a letter, a length (4 bytes, big
endian) and so many bytes:

    A  sound, s16le mono at 16 kHz   ->  W  the words so far, UTF-8
    E  the utterance is over          ->  W  all its words
    X  forget the utterance           ->  W  nothing

The first answer is `R`, once it is ready, or `F` and a reason if it never will be. Only the
standard library and pocketsphinx are imported: each process starts fast and stays small.
"""

import json
import os
import re
import signal
import struct
import sys
from typing import Any, BinaryIO

HEADER = struct.Struct(">cI")
"""Letter and length in bytes."""

_VARIANT = re.compile(r"\(\d+\)")
"""Which pronunciation of a word it was."""


def read_frame(stream: BinaryIO) -> tuple[bytes, bytes] | None:
    """Return letter and bytes of the next frame; None: the stream has ended."""
    header = stream.read(HEADER.size)
    if len(header) < HEADER.size:
        return None
    letter, length = HEADER.unpack(header)
    data = stream.read(length)
    return (letter, data) if len(data) == length else None


def write_frame(stream: BinaryIO, letter: bytes, data: bytes = b"") -> None:
    """Send a frame."""
    stream.write(HEADER.pack(letter, len(data)) + data)
    stream.flush()


def serve(requests: BinaryIO, answers: BinaryIO, decoder: Any) -> None:  # noqa: ANN401 - untyped
    """Answer requests until there are no more."""
    listening = False
    # it adapts to who speaks; the next utterance may be of another call, which must not feel that
    unadapted = decoder.get_cmn(False)  # noqa: FBT003 - untyped: False leaves it as it is
    while (frame := read_frame(requests)) is not None:
        letter, data = frame
        words = ""
        if letter == b"A":
            if not listening:
                decoder.set_cmn(unadapted)
                decoder.start_utt()
                listening = True
            decoder.process_raw(data, no_search=False, full_utt=False)
            words = _words(decoder)
        elif listening:
            decoder.end_utt()
            listening = False
            words = _words(decoder) if letter == b"E" else ""
        write_frame(answers, b"W", words.encode())


def _words(decoder: Any) -> str:  # noqa: ANN401 - untyped
    guess = decoder.hyp()
    return _VARIANT.sub("", guess.hypstr).strip() if guess else ""


def main() -> None:
    """Load the model and serve. The only argument: options of the decoder as a JSON object."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent decides when it ends
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # whatever a library prints does not come between the answers
    try:
        import pocketsphinx  # noqa: PLC0415 - a failure is an answer

        pocketsphinx.set_loglevel("FATAL")
        decoder = pocketsphinx.Decoder(**json.loads(sys.argv[1]))
    except (ImportError, RuntimeError, OSError, KeyError, ValueError) as error:
        write_frame(answers, b"F", f"{type(error).__name__}: {error}".encode())
        return
    write_frame(answers, b"R")
    try:
        serve(sys.stdin.buffer, answers, decoder)
    except BrokenPipeError:  # the parent is gone
        os._exit(0)


if __name__ == "__main__":
    main()
