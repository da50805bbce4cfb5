from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from turnwise.audio.formats import FORMATS, decode
from turnwise.audio.frames import Framer, SampleJoiner, SampleQueue
from turnwise.audio.pcm import Pcm

PCM = FORMATS["pcm_16000"]
cuts = st.lists(st.integers(0, 300), max_size=20)


def counting(size: int) -> Pcm:
    return np.arange(size, dtype=np.int16)


def spans(size: int, at: list[int]) -> list[tuple[int, int]]:
    return list(pairwise([0, *sorted(min(edge, size) for edge in at), size]))


@pytest.mark.parametrize("name", ["pcm_16000", "ulaw_8000"])
@given(data=st.binary(max_size=300), at=cuts)
def test_samples_are_the_same_however_their_bytes_were_cut(
    name: str, data: bytes, at: list[int]
) -> None:
    joiner = SampleJoiner(FORMATS[name])
    joined = [joiner.push(data[begin:end]) for begin, end in spans(len(data), at)]
    whole = len(data) - len(data) % FORMATS[name].bytes_per_sample
    assert np.concatenate(joined).tolist() == decode(data[:whole], FORMATS[name]).tolist()
    assert joiner.half_sample == data[whole:]


def test_bytes_one_at_a_time_make_a_sample_at_every_second() -> None:
    joiner = SampleJoiner(PCM)
    pushed = [joiner.push(bytes([byte])).tolist() for byte in (1, 0, 2, 0)]
    assert pushed == [[], [1], [], [2]]


def test_no_bytes_change_nothing() -> None:
    joiner = SampleJoiner(PCM)
    joiner.push(b"\x07")
    assert joiner.push(b"").tolist() == []
    assert joiner.push(b"\x00").tolist() == [7]


def test_a_reset_forgets_half_a_sample() -> None:
    joiner = SampleJoiner(PCM)
    joiner.push(b"\x07")
    joiner.reset()
    assert joiner.half_sample == b""
    assert joiner.push(b"\x01\x00").tolist() == [1]


@given(size=st.integers(0, 300), at=cuts, frame=st.integers(1, 80))
def test_frames_in_a_row_are_the_stream(size: int, at: list[int], frame: int) -> None:
    framer = Framer(frame)
    frames = [framer.push(counting(size)[begin:end]) for begin, end in spans(size, at)]
    assert all(each.shape[1] == frame for each in frames)
    rest = framer.flush()
    assert len(rest) < frame
    assert [*np.concatenate(frames).ravel(), *rest] == list(range(size))


@given(size=st.integers(0, 300), frame=st.integers(1, 80))
def test_the_last_frame_can_be_filled_with_silence(size: int, frame: int) -> None:
    framer = Framer(frame)
    frames = np.concatenate([framer.push(counting(size)), framer.flush_padded()])
    assert frames.shape == (-(-size // frame), frame)
    assert frames.ravel().tolist() == list(range(size)) + [0] * (-size % frame)


def test_a_framer_begins_anew_after_a_flush() -> None:
    framer = Framer(4)
    framer.push(counting(3))
    assert framer.flush().tolist() == [0, 1, 2]
    assert framer.push(counting(4)).tolist() == [[0, 1, 2, 3]]
    assert framer.flush_padded().shape == (0, 4)


def test_a_frame_has_samples() -> None:
    with pytest.raises(AssertionError):
        Framer(0)


@given(st.lists(st.tuples(st.sampled_from(["push", "take", "back"]), st.integers(0, 30))))
def test_a_queue_behaves_like_a_list(steps: list[tuple[str, int]]) -> None:
    queue, model, serial = SampleQueue(), list[int](), 0
    for what, size in steps:
        samples = np.arange(serial, serial + size, dtype=np.int16)
        serial += size
        if what == "push":
            queue.push(samples)
            model += samples.tolist()
        elif what == "back":
            queue.put_back(samples)
            model = samples.tolist() + model
        else:
            assert queue.take(size).tolist() == model[:size]
            model = model[size:]
        assert len(queue) == len(model)


def test_a_queue_that_was_cleared_is_empty() -> None:
    queue = SampleQueue()
    queue.push(counting(5))
    queue.clear()
    assert len(queue) == 0
    assert queue.take(9).tolist() == []
