import struct
import wave
from pathlib import Path

import numpy as np
import pytest

from turnwise.audio import mulaw
from turnwise.base.errors import ConfigError
from turnwise.base.units import Hertz
from turnwise.cli.talk_wav import WavFile, read_wav

TONE = (np.sin(np.arange(800) / 5) * 20_000).astype(np.int16)
UNIT = TONE / 32768
GUID = bytes.fromhex("000000001000800000aa00389b71")


def riff(
    kind: int, bits: int, data: bytes, channels: int = 1, *, extensible: bool = False
) -> bytes:
    block = channels * bits // 8
    first = 0xFFFE if extensible else kind
    head = struct.pack("<HHIIHH", first, channels, 8000, 8000 * block, block, bits)
    if extensible:
        head += struct.pack("<HHIH", 22, bits, 0, kind) + GUID
    note = b"LIST" + struct.pack("<I", 3) + b"abc\0"  # odd, and so padded
    body = b"WAVE" + b"fmt " + struct.pack("<I", len(head)) + head + note
    body += b"data" + struct.pack("<I", len(data)) + data
    return b"RIFF" + struct.pack("<I", len(body)) + body


@pytest.mark.parametrize(
    ("kind", "bits", "data", "off"),
    [
        (1, 8, ((TONE >> 8) + 128).astype("u1").tobytes(), 256),
        (1, 16, TONE.tobytes(), 0),
        (1, 24, (TONE.astype("<i4") << 8).view("u1").reshape(-1, 4)[:, :3].tobytes(), 0),
        (1, 32, (TONE.astype("<i4") << 16).tobytes(), 0),
        (3, 32, UNIT.astype("<f4").tobytes(), 0),
        (3, 64, UNIT.astype("<f8").tobytes(), 0),
        (7, 8, mulaw.encode(TONE), 700),
    ],
)
@pytest.mark.parametrize("extensible", [False, True])
def test_every_width_is_read(
    tmp_path: Path, kind: int, bits: int, data: bytes, off: int, *, extensible: bool
) -> None:
    path = tmp_path / "x.wav"
    path.write_bytes(riff(kind, bits, data, extensible=extensible))
    samples, rate_hz = read_wav(path)
    assert rate_hz == 8000
    assert samples.dtype == np.int16
    assert np.abs(samples.astype(int) - TONE).max() <= off


def test_channels_are_mixed(tmp_path: Path) -> None:
    path = tmp_path / "x.wav"
    stereo = np.stack([TONE, np.zeros_like(TONE)], axis=1)
    path.write_bytes(riff(1, 16, stereo.tobytes(), 2))
    samples, _ = read_wav(path)
    assert np.abs(samples - TONE / 2).max() <= 0.5


def test_what_is_louder_than_can_be_is_clipped_not_wrapped(tmp_path: Path) -> None:
    path = tmp_path / "x.wav"
    path.write_bytes(riff(3, 32, np.array([2.0, -2.0], "<f4").tobytes()))
    assert read_wav(path)[0].tolist() == [32767, -32768]


def test_a_file_that_is_cut_off_is_read_as_far_as_it_goes(tmp_path: Path) -> None:
    path = tmp_path / "x.wav"
    path.write_bytes(riff(1, 16, TONE.tobytes())[:-3])
    assert len(read_wav(path)[0]) == len(TONE) - 2


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"RIFF",
        b"ID3" + bytes(60),
        riff(1, 16, b"")[:30],
        riff(2, 4, bytes(8)),
        riff(1, 16, bytes(8), channels=0),
        riff(1, 16, bytes(8))[:12],
    ],
)
def test_what_is_no_sound_is_one_sentence(tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "x.wav"
    path.write_bytes(data)
    with pytest.raises(ConfigError, match="is no WAV file that can be sent"):
        read_wav(path)


def test_a_file_that_is_not_there_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"cannot read .*No such file"):
        read_wav(tmp_path / "x.wav")
    with pytest.raises(ConfigError, match=r"cannot write .*No such file"):
        WavFile(tmp_path / "none" / "x.wav", Hertz(8000))


def test_what_is_written_is_read_back(tmp_path: Path) -> None:
    path = tmp_path / "x.wav"
    WavFile(path, Hertz(24_000)).write(TONE)
    samples, rate_hz = read_wav(path)
    assert (rate_hz, samples.tolist()) == (24_000, TONE.tolist())
    with wave.open(str(path)) as file:
        assert (file.getnchannels(), file.getsampwidth()) == (1, 2)
