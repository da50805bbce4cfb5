import wave
from pathlib import Path

import numpy as np

from turnwise.audio.pcm import Pcm
from turnwise.base.units import Hertz, Millis
from turnwise.runtime.sound_record import SoundRecord

HZ = 16_000


def tone(ms: int, level: int) -> Pcm:
    return np.full(ms * HZ // 1000, level, np.int16)


def recorded(record: SoundRecord, folder: Path) -> Pcm:
    path = folder / "out.wav"
    record.write_wav(path)
    record.close()
    with wave.open(str(path)) as file:
        assert (file.getnchannels(), file.getframerate(), file.getsampwidth()) == (2, HZ, 2)
        return np.frombuffer(file.readframes(file.getnframes()), np.int16).reshape(-1, 2)


def test_both_sides_lie_where_they_were_heard(tmp_path: Path) -> None:
    record = SoundRecord(tmp_path, Hertz(HZ))
    for ms in range(100, 1_100, 100):
        record.hear_user(tone(100, 500), Millis(ms))
    record.hear_agent(tone(300, 900), Millis(2_000))
    sound = recorded(record, tmp_path)
    assert np.flatnonzero(sound[:, 0]).tolist() == list(range(HZ))
    assert np.flatnonzero(sound[:, 1]).tolist() == list(range(2 * HZ, 2 * HZ + HZ * 3 // 10))


def test_jitter_moves_no_sample(tmp_path: Path) -> None:
    record = SoundRecord(tmp_path, Hertz(HZ))
    for number, late in enumerate([0, 30, 250, 10, 90], start=1):
        record.hear_user(tone(100, number), Millis(100 * number + late))
    sound = recorded(record, tmp_path)[:, 0]
    assert [int(level) for level in np.unique(sound)] == [1, 2, 3, 4, 5]
    assert len(sound) == HZ // 2


def test_a_client_that_sent_nothing_for_a_while_was_silent(tmp_path: Path) -> None:
    record = SoundRecord(tmp_path, Hertz(HZ))
    record.hear_user(tone(100, 500), Millis(100))
    record.hear_user(tone(100, 500), Millis(3_100))
    spoken = np.flatnonzero(recorded(record, tmp_path)[:, 0])
    assert spoken[-1] == HZ * 31 // 10 - 1
    assert len(spoken) == HZ // 5


def test_what_was_cut_off_was_not_heard(tmp_path: Path) -> None:
    record = SoundRecord(tmp_path, Hertz(HZ))
    record.hear_agent(tone(500, 900), Millis(1_000))
    record.hear_agent(tone(500, 900), Millis(1_500))
    record.cut_agent(Millis(1_200))
    record.hear_agent(tone(100, 300), Millis(3_000))
    sound = recorded(record, tmp_path)[:, 1]
    assert len(np.flatnonzero(sound == 900)) == HZ // 5
    assert np.flatnonzero(sound == 300)[0] == 3 * HZ


def test_nothing_is_left_behind(tmp_path: Path) -> None:
    record = SoundRecord(tmp_path, Hertz(HZ))
    record.hear_agent(tone(10, 1), Millis(0))
    assert record.has_sound
    assert record.duration_ms() == 10
    record.close()
    assert list(tmp_path.iterdir()) == []
