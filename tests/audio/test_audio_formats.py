import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from turnwise.audio.formats import FORMATS, AudioFormat, Codec, decode, encode, parse_format
from turnwise.audio.pcm import Pcm
from turnwise.base.errors import FormatError

LINEAR = [each for each in FORMATS.values() if each.codec is Codec.PCM]
sounds = st.lists(st.integers(-32768, 32767), max_size=200).map(
    lambda values: np.array(values, dtype=np.int16)
)


def test_the_seven_formats_of_the_wire_are_known() -> None:
    rows = [
        (each.name, each.rate_hz, each.codec, each.bytes_per_sample) for each in FORMATS.values()
    ]
    assert rows == [
        ("pcm_8000", 8000, Codec.PCM, 2),
        ("pcm_16000", 16000, Codec.PCM, 2),
        ("pcm_22050", 22050, Codec.PCM, 2),
        ("pcm_24000", 24000, Codec.PCM, 2),
        ("pcm_44100", 44100, Codec.PCM, 2),
        ("pcm_48000", 48000, Codec.PCM, 2),
        ("ulaw_8000", 8000, Codec.ULAW, 1),
    ]


@pytest.mark.parametrize("name", FORMATS)
def test_a_format_is_found_by_its_name(name: str) -> None:
    assert parse_format(name).name == name


@pytest.mark.parametrize("name", ["mp3_44100_128", "PCM_16000", "pcm_11025", ""])
def test_another_name_is_refused_and_told_what_is_accepted(name: str) -> None:
    with pytest.raises(FormatError) as caught:
        parse_format(name)
    assert repr(name) in str(caught.value)
    assert "pcm_8000, pcm_16000, pcm_22050" in str(caught.value)
    assert "ulaw_8000" in str(caught.value)


@pytest.mark.parametrize("audio_format", LINEAR, ids=lambda each: each.name)
@given(sound=sounds)
def test_linear_sound_comes_back_exactly(audio_format: AudioFormat, sound: Pcm) -> None:
    assert decode(encode(sound, audio_format), audio_format).tolist() == sound.tolist()


@given(st.binary())
def test_mulaw_bytes_come_back_except_negative_zero(data: bytes) -> None:
    ulaw = FORMATS["ulaw_8000"]
    assert encode(decode(data, ulaw), ulaw) == data.replace(b"\x7f", b"\xff")


def test_linear_bytes_that_end_in_half_a_sample_are_refused() -> None:
    with pytest.raises(FormatError, match="1 bytes"):
        decode(b"x", FORMATS["pcm_16000"])


@pytest.mark.parametrize("audio_format", FORMATS.values(), ids=lambda each: each.name)
def test_a_second_of_bytes_lasts_a_second(audio_format: AudioFormat) -> None:
    size = audio_format.bytes_in(1000)
    assert size == audio_format.rate_hz * audio_format.bytes_per_sample
    assert audio_format.ms_of(size) == 1000
    assert int(audio_format.samples_of(size)) == int(audio_format.rate_hz)


def test_durations_count_whole_samples_and_whole_milliseconds() -> None:
    assert FORMATS["pcm_22050"].bytes_in(1) == 44
    assert FORMATS["pcm_16000"].samples_of(5) == 2
    assert FORMATS["pcm_16000"].ms_of(63) == 1
    assert FORMATS["ulaw_8000"].ms_of(7) == 0
