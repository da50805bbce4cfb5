"""The parts of the talk page that need no browser, run by Node.js."""

import base64
import json
import shutil
import subprocess
from pathlib import Path
from typing import Any
from urllib.parse import quote

import numpy as np
import pytest
from numpy.typing import NDArray

from turnwise.audio import mulaw

STATIC = Path(__file__).parents[2] / "src" / "turnwise" / "web" / "static"
NODE = shutil.which("node")

pytestmark = pytest.mark.skipif(NODE is None, reason="node is missing")

Signal = NDArray[np.float32]


def run(folder: Path, code: str, given: object) -> Any:  # noqa: ANN401
    """Run a script, which finds `given` and prints JSON by `answer`."""
    assert NODE is not None
    for part in STATIC.glob("talk*.js"):
        shutil.copy(part, folder)
    (folder / "package.json").write_text('{"type": "module"}')
    script = folder / "script.js"
    start = (
        'import { readFileSync } from "node:fs";\n'
        'const given = JSON.parse(readFileSync(0, "utf8"));\n'
        "const answer = (value) => process.stdout.write(JSON.stringify(value));\n"
    )
    script.write_text(start + code, encoding="utf-8")
    done = subprocess.run([NODE, script], input=json.dumps(given).encode(), capture_output=True)  # noqa: PLW1510
    assert done.returncode == 0, done.stderr.decode()
    return json.loads(done.stdout)


# --- links ------------------------------------------------------------------------------------


def packed(text: str) -> str:
    return quote(base64.b64encode(text.encode()).decode())


def link(**variables: object) -> str:
    return f"?vars={packed(json.dumps(variables, ensure_ascii=False))}"


@pytest.mark.parametrize(
    ("search", "variables"),
    [
        ("", {}),
        (link(name="Zoë", age=7, vip=True), {"name": "Zoë", "age": 7, "vip": True}),
        ("?var_name=Ann%20Lee&var_plan=gold&other=1", {"name": "Ann Lee", "plan": "gold"}),
        (link(a="vars", b="vars") + "&var_a=own", {"a": "own", "b": "vars"}),
        ("?vars=eyJhIjoiPz8_In0", {"a": "???"}),  # the alphabet of URLs, and no padding
        ("?vars=eyJhIjoiPj4+In0=", {"a": ">>>"}),  # a plus that nobody escaped
        ("?var_=nameless", {}),
    ],
)  # fmt: skip
def test_a_link_carries_variables(tmp_path: Path, search: str, variables: object) -> None:
    code = 'import { variablesOf } from "./talk_link.js"; answer(variablesOf(given));'
    assert run(tmp_path, code, search) == {"variables": variables, "problem": ""}


@pytest.mark.parametrize(
    "bad", ["", "%%%", packed("no json"), packed("[1]"), packed("null"), packed('{"a": {}}'), "_w"]
)
def test_variables_that_cannot_be_read_are_said_and_the_others_kept(
    tmp_path: Path, bad: str
) -> None:
    code = 'import { variablesOf } from "./talk_link.js"; answer(variablesOf(given));'
    found = run(tmp_path, code, f"?vars={bad}&var_b=2")
    assert found["variables"] == {"b": "2"}
    assert "cannot be read" in found["problem"]


@pytest.mark.parametrize(
    ("url", "entry"),
    [
        ("wss://x.org/v1/convai/conversation?agent_id=agent_1&conversation_signature=s",
         {"conversation_signature": "s"}),
        ("ws://x.org/v1/convai/conversation?agent_id=agent_1&token=t&branch_id=b",
         {"token": "t", "branch_id": "b"}),
        ("wss://x.org/v1/convai/conversation?agent_id=agent_2&conversation_signature=s", None),
        ("wss://x.org/v1/convai/conversation?agent_id=agent_1", None),
        ("https://x.org/?agent_id=agent_1&token=t", None),
        ("sk_key", None),
        ("wss://", None),
    ],
)  # fmt: skip
def test_a_signed_url_opens_its_own_agent_only(tmp_path: Path, url: str, entry: object) -> None:
    code = (
        'import { signedEntryOf } from "./talk_link.js"; answer(signedEntryOf(given, "agent_1"));'
    )
    assert run(tmp_path, code, url) == entry


# --- the conversation -------------------------------------------------------------------------

CALL = """
import { Conversation } from "./talk_conversation.js";
const log = [];
globalThis.WebSocket = class {
  static OPEN = 1;
  readyState = 1;
  constructor(url, protocols) { log.push([`${url}`, protocols]); }
  send(text) { log.push(JSON.parse(text)); }
  close(code, reason) { this.onclose({ code, reason }); }
};
const on = new Proxy({}, { get: (_, name) => (...given) => log.push([name, ...given]) });
const call = new Conversation("https://x.org/talk", { user_id: "u" }, on);
call.socket.onopen();
for (const message of given.messages) call.socket.onmessage({ data: JSON.stringify(message) });
if (given.close) call.socket.onclose(given.close); else call.leave();
answer(log);
"""


def test_a_conversation_speaks_the_published_protocol(tmp_path: Path) -> None:
    def sound(number: int) -> object:
        return {"type": "audio", "audio_event": {"event_id": number, "audio_base_64": f"{number}"}}

    tool = {"tool_name": "map", "tool_call_id": "c", "parameters": {}}
    messages = [
        {"type": "ping", "ping_event": {"event_id": 4, "ping_ms": 50}},
        sound(1),
        {"type": "interruption", "interruption_event": {"event_id": 2}},
        sound(2),
        sound(3),
        {"type": "client_tool_call", "client_tool_call": tool},
        {"type": "client_tool_call", "client_tool_call": {**tool, "expects_response": False}},
        {"type": "something_new"},
    ]
    first, *rest = run(tmp_path, CALL, {"messages": messages})
    assert first == ["wss://x.org/talk", ["convai"]]
    result = "Client tool with name map is not defined on client"
    assert rest == [
        {
            "type": "conversation_initiation_client_data",
            "source_info": {"source": "talk_page"},
            "user_id": "u",
        },
        {"type": "pong", "event_id": 4},
        ["audio", "1"],
        ["interruption"],
        ["audio", "3"],
        ["tool", "map"],
        {"type": "client_tool_result", "tool_call_id": "c", "result": result, "is_error": True},
        ["tool", "map"],
        ["end", {"by": "user", "reason": ""}],
    ]


ERROR = {"type": "error", "error_event": {"code": 1002, "message": "The model is away."}}


@pytest.mark.parametrize(
    ("messages", "close", "ending"),
    [
        ([], {"code": 1000, "reason": ""}, {"by": "agent", "reason": ""}),
        ([], {"code": 1008, "reason": "Why."}, {"by": "error", "reason": "Why."}),
        ([ERROR], {"code": 1002, "reason": "Why."},
         {"by": "error", "reason": "The model is away."}),
        ([], {"code": 1006, "reason": ""},
         {"by": "error", "reason": "The connection to the server was lost."}),
    ],
)  # fmt: skip
def test_an_end_says_whose_it_was_and_why(
    tmp_path: Path, messages: object, close: object, ending: object
) -> None:
    log = run(tmp_path, CALL, {"messages": messages, "close": close})
    assert log[-1] == ["end", ending]


# --- transcript -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("lines", "written", "heard", "cut"),
    [
        (["Hi.", "One two three."], "One two three.", "One t", [[1, "One t"]]),
        (["Hi.", "One two three. "], "One two three. ", "", [[1, ""]]),
        (["Hi.", "First.", "Second one."], "First. Second one.", "First. Sec", [[2, "Sec"]]),
        (["Hi.", "First.", "Second one."], "First. Second one.", "Fi", [[1, "Fi"], [2, ""]]),
        (["Hi.", "Same.", "Same."], "Same.", "Sa", [[2, "Sa"]]),
        (["Hi.", "Other words."], "Unknown.", "Unk", [[1, "Unk"]]),
        ([], "One.", "O", []),
    ],
)  # fmt: skip
def test_an_interruption_shortens_the_lines_of_its_reply(
    tmp_path: Path, lines: list[str], written: str, heard: str, cut: object
) -> None:
    code = 'import { cuts } from "./talk_transcript.js"; answer(cuts(...given));'
    assert run(tmp_path, code, [lines, written, heard]) == cut


# --- sound ------------------------------------------------------------------------------------


def resampled(folder: Path, samples: Signal, rates: tuple[int, int], piece: int) -> Signal:
    code = """
import { Resampler } from "./talk_resampler.js";
const resampler = new Resampler(...given.rates);
const out = [];
for (let at = 0; at < given.samples.length; at += given.piece)
  out.push(...resampler.process(Float32Array.from(given.samples.slice(at, at + given.piece))));
answer(out);
"""
    given = {"samples": samples.tolist(), "rates": rates, "piece": piece}
    return np.array(run(folder, code, given), np.float32)


def tone(hz: float, rate: int, seconds: float = 0.25) -> Signal:
    return np.sin(2 * np.pi * hz * np.arange(int(rate * seconds)) / rate).astype(np.float32)


@pytest.mark.parametrize(
    "rates",
    [(48_000, 16_000), (44_100, 16_000), (48_000, 8_000), (16_000, 48_000), (22_050, 44_100),
     (24_000, 44_100), (48_000, 48_000)],
)  # fmt: skip
def test_a_tone_keeps_its_pitch_its_loudness_and_its_length(
    tmp_path: Path, rates: tuple[int, int]
) -> None:
    before, after = rates
    got = resampled(tmp_path, tone(1_000, before), rates, 128)
    assert abs(len(got) - after // 4) <= after // 200  # the filter holds 5 ms back at most
    middle = got[after // 50 : -after // 50]
    # sine and cosine together fit it whatever its delay
    t = np.arange(len(middle)) / after
    basis = np.stack([np.sin(2 * np.pi * 1_000 * t), np.cos(2 * np.pi * 1_000 * t)], 1)
    weights, *_ = np.linalg.lstsq(basis, middle, rcond=None)
    assert np.hypot(*weights) == pytest.approx(1, abs=0.005)
    assert np.abs(middle - basis @ weights).max() < 0.005


def test_what_the_lower_rate_cannot_hold_is_taken_away(tmp_path: Path) -> None:
    got = resampled(tmp_path, tone(10_000, 48_000), (48_000, 16_000), 128)
    assert np.abs(got[200:-200]).max() < 0.002


def test_the_size_of_the_pieces_does_not_matter(tmp_path: Path) -> None:
    sound = np.random.default_rng(7).standard_normal(6_000).astype(np.float32)
    whole = resampled(tmp_path, sound, (44_100, 16_000), 6_000)
    for piece in (1, 128, 997):
        assert np.array_equal(resampled(tmp_path, sound, (44_100, 16_000), piece), whole)


def test_sound_on_the_wire_is_what_the_server_takes_it_for(tmp_path: Path) -> None:
    code = """
import { decode, encode, parseFormat } from "./talk_sound.js";
const format = parseFormat(given.format);
answer({ wire: encode(Float32Array.from(given.samples), format),
         back: Array.from(decode(given.wire, format)) });
"""
    whole = np.concatenate([np.arange(-32_767, 32_768, 17), [0, 1, -1, 32_767]]).astype(np.int16)
    pcm, law = whole.astype("<i2").tobytes(), mulaw.encode(whole)
    for name, data in (("pcm_16000", pcm), ("ulaw_8000", law)):
        wire = base64.b64encode(data).decode()
        given = {"format": name, "samples": (whole / 32_767).tolist(), "wire": wire}
        got = run(tmp_path, code, given)
        heard = whole if name == "pcm_16000" else mulaw.decode(law)
        assert np.allclose(np.array(got["back"]) * 32_768, heard, atol=0.5)
        sent = base64.b64decode(got["wire"])
        if name == "pcm_16000":
            assert np.abs(np.frombuffer(sent, "<i2").astype(int) - whole).max() <= 1
        else:
            assert sent == law


def test_a_format_that_is_not_known_is_refused_with_its_name(tmp_path: Path) -> None:
    code = """
import { parseFormat } from "./talk_sound.js";
try { parseFormat(given); answer(null); } catch (error) { answer(error.message); }
"""
    assert "opus_48000" in run(tmp_path, code, "opus_48000")
