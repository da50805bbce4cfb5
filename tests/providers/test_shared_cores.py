"""Engines that load a model for each core, where several processes serve."""

import os
from pathlib import Path

import pytest

from turnwise.minds import options
from turnwise.settings import Settings

CORES = os.cpu_count() or 1


@pytest.mark.parametrize("name", ["pocketsphinx", "moonshine"])
@pytest.mark.parametrize(
    ("workers", "expected"),
    [(1, {}), (2, {"cores": max(1, CORES // 2)}), (200, {"cores": 1})],
)
def test_each_process_has_its_share(
    tmp_path: Path, name: str, workers: int, expected: dict[str, object]
) -> None:
    settings = Settings(data=tmp_path, workers=workers)
    assert options("stt", name, settings) == expected


def test_what_the_operator_chose_is_for_each_process(tmp_path: Path) -> None:
    chosen = {"workers": 3, "cores": 7}
    settings = Settings(data=tmp_path, workers=2, stt_options=chosen)
    assert options("stt", "pocketsphinx", settings) == chosen


def test_others_are_left_alone(tmp_path: Path) -> None:
    settings = Settings(data=tmp_path, workers=2)
    assert options("stt", "whisper", settings) == {}
    assert options("tts", "espeak", settings) == {}


def test_the_speech_detector_has_a_thread_where_there_is_a_core_for_it(tmp_path: Path) -> None:
    assert options("vad", "silero", Settings(data=tmp_path)) == {}
    for workers in (2, CORES, 200):
        shared = options("vad", "silero", Settings(data=tmp_path, workers=workers))
        if workers > 1:
            assert shared == {"own_thread": CORES // workers > 1}
