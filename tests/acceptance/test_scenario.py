"""LangWatch Scenario's adapter for ElevenLabs, unmodified, from its published package."""

from pathlib import Path

import pytest

from acceptance.environments import Environment, Json, installed, snippets
from acceptance.house import END_CALL, KEY, House, agent, said
from acceptance.speech import HZ, at_rate, spoken, write_wav

pytestmark = pytest.mark.acceptance

GREETING = "Hello, how can I help you?"
ADDRESS = "Our address is twelve Market Street."
HOURS = "We are open every day from eleven to ten."
LONG = (
    "Welcome to the pizzeria. We bake all our pizzas in a wood oven, and the dough rests for two "
    "days. Ask me for the hours, for the address, or for the delivery, and I will gladly tell you."
)
RATE = 24_000
QUESTION = "what is your address"
BOTH_WAYS = {
    "tts": {"agent_output_audio_format": "pcm_24000"},
    "asr": {"user_input_audio_format": "pcm_24000"},
}
PATIENT = {**BOTH_WAYS, "turn": {"turn_timeout": -1}}
IDLE_S, WAIT_S = 7, 16
"""The adapter's patience with a mute socket, and for how long nothing is said."""


@pytest.fixture(scope="session")
def scenario() -> Environment:
    return Environment(
        installed(
            "scenario", ["langwatch-scenario==1.6.0"], {"older": "langwatch-scenario==0.7.28"}
        )
    )


def environ(house: House) -> dict[str, str]:
    offline = {"LITELLM_LOCAL_MODEL_COST_MAP": "True", "LANGWATCH_API_KEY": ""}
    return {"TURNWISE_URL": house.url, "TURNWISE_KEY": KEY, **offline}


def voice(folder: Path, name: str, words: str) -> str:
    return str(write_wav(folder / f"{name}.wav", at_rate(spoken(words), HZ, RATE), RATE))


def test_a_scenario_is_played(house: House, scenario: Environment, tmp_path: Path) -> None:
    [page], [shown] = snippets("scenario.md"), snippets("scenario.md", "text")
    script = tmp_path / "page.py"
    script.write_text(page, encoding="utf-8")
    knows = f"{HOURS} {ADDRESS}"
    agents = {
        "polite": house.create(agent(knows, GREETING, config=BOTH_WAYS, tools=[END_CALL])),
        "talkative": house.create(agent(knows, LONG, config=BOTH_WAYS)),
        "patient": house.create(agent(knows, config=PATIENT)),
        "telephone": house.create(agent(knows, GREETING)),
    }
    order = {
        "page": str(script),
        "agents": agents,
        "question": voice(tmp_path, "question", QUESTION),
        "idle_s": IDLE_S,
        "wait_s": WAIT_S,
    }
    report = scenario.run("scenario_calls", order, tmp_path, environ(house))

    assert report["page"]["success"]
    assert shown in report["printed"]

    interrupted = report["barge_in"]
    assert (interrupted["heard"], interrupted["said"]) == (QUESTION, ADDRESS)
    assert interrupted["spoken_turns"] == 1
    record = house.newest_of(agents["talkative"])
    first = record["transcript"][0]
    assert first["interrupted"]
    assert first["original_message"] == LONG
    assert len(first["message"]) < len(LONG) * 0.8
    assert said(record, "user") == [QUESTION]

    _check_the_end(report["hang_up"])
    assert report["in_writing"]["said"] == ADDRESS
    assert report["in_writing"]["seconds"] > 1

    idle = report["patience"]
    assert idle["timed_out"]
    assert idle["connected"]
    assert idle["waited"] == pytest.approx(WAIT_S, abs=0.5)  # and not IDLE_S

    assert report["warnings"] == []
    assert len(report["warnings_of_16_khz"]) == 2
    assert all("audio_format='pcm_16000'" in line for line in report["warnings_of_16_khz"])


def _check_the_end(ended: Json) -> None:
    assert ended["success"]
    assert ended["hung_up"]
    assert ended["said"] == "Goodbye!"


def test_a_turn_in_one_piece_and_then_nothing_is_answered(
    house: House, scenario: Environment, tmp_path: Path
) -> None:
    [page] = snippets("scenario.md", "python older")
    script = tmp_path / "page.py"
    script.write_text(page, encoding="utf-8")
    agent_id = house.create(agent(f"{HOURS} {ADDRESS}", GREETING, config=BOTH_WAYS))
    question = voice(tmp_path, "question", QUESTION)
    order = {"page": str(script), "agent": agent_id, "question": question}
    older = {**environ(house), "PYTHONPATH": str(scenario.folder / "older")}
    turns = scenario.run("scenario_older_calls", order, tmp_path, older)["turns"]
    assert [turn["said"] for turn in turns] == [GREETING, ADDRESS, ADDRESS]
    assert [turn["heard"] for turn in turns] == [None, QUESTION, QUESTION]
    assert all(turn["seconds"] > 1 for turn in turns)
    assert all(turn["waited"] < 10 for turn in turns)
    record = house.newest_of(agent_id)
    assert not any(turn["interrupted"] for turn in record["transcript"])
