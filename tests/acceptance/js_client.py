"""`@elevenlabs/client`, unmodified, in a page: how a test has it talk, and what came of it."""

import base64
import json
import re
from dataclasses import dataclass
from typing import Any

import numpy as np

from acceptance.house import House, said
from acceptance.pages import JS, NO_SOUND, Browser, Visit, site
from acceptance.question import ADDRESS, GREETING, HOURS, HOW_TO, heard_in_record
from acceptance.speech import HZ, Sound, at_rate, from_wire, understood

Json = dict[str, Any]

_CLIENT = {
    "/": JS / "client.html",
    "/client.js": JS / "node_modules" / "@elevenlabs" / "client" / "dist" / "lib.iife.js",
}


def happened(kind: str, count: int = 1, source: str = "") -> Json:
    """Wait until something of a kind happened so many times."""
    return {"wait": f"count({kind!r}, {source!r}) >= {count}"}


def write(text: str) -> Json:
    return {"run": f"call.sendUserMessage({json.dumps(text)})"}


def quiet(ms: int) -> Json:
    """Wait until no words and no sound came for so long."""
    return {"wait": f"isQuiet({ms})"}


HANG_UP: list[Json] = [{"run": "call.endSession()"}, happened("disconnect")]


@dataclass(frozen=True)
class Talk:
    """A conversation, as the page was told of it."""

    id: str
    events: list[Json]
    visit: Visit

    def of(self, kind: str) -> list[Any]:
        """What was told of one kind, in order."""
        return [event["value"] for event in self.events if event["kind"] == kind]

    def messages(self, source: str) -> list[str]:
        return [each["message"] for each in self.of("message") if each["source"] == source]

    def went_well(self) -> None:
        """Assert that no error was told, and nothing was asked of others."""
        assert (self.of("error"), self.visit.outside) == ([], [])


def talk(browser: Browser, options: Json, *steps: Json, microphone: Sound = NO_SOUND) -> Talk:
    """Hold a conversation.

    Args:
        browser: Where.
        options: Of `startSession`; `tools` are names of client tools, `approves` is the answer to
            requests for approval.
        steps: What is done then.
        microphone: What it hears.
    """
    begin = {"read": f"begin({json.dumps(options)})"}
    with site(_CLIENT) as url:
        visit = browser.visit(
            {"open": url}, begin, *steps, {"read": "events"}, microphone=microphone
        )
    conversation_id, events = visit.read
    return Talk(conversation_id, events, visit)


def refusal(browser: Browser, options: Json) -> str:
    """Why a conversation cannot begin, as the page is told."""
    begin = f"begin({json.dumps(options)}).then(() => '', String)"
    with site(_CLIENT) as url:
        return str(browser.visit({"open": url}, {"read": begin}).read[0])


def snippet(page: str) -> Json:
    """The options that a how-to page gives to `startSession`."""
    after = (HOW_TO / page).read_text(encoding="utf-8").partition("After:")[2]
    code = after.partition("```javascript")[2].partition("```")[0]
    return dict(re.findall(r'^  (\w+): "(.*)",$', code, re.MULTILINE))


def question_was_answered(house: House, talked: Talk, audio_format: str, rate: int) -> None:
    """Assert that a spoken question was answered aloud: to the page, and in the record.

    Args:
        house: The server.
        talked: The conversation, which the user has ended.
        audio_format: Of the sound that the page got; `rate` is its rate.
        rate: In hertz.
    """
    talked.went_well()
    facts = [GREETING, ADDRESS, HOURS]
    assert talked.messages("ai") == [GREETING, ADDRESS], talked.of("message")
    assert [each["reason"] for each in talked.of("disconnect")] == ["user"]
    assert {"speaking", "listening"} <= set(talked.of("mode"))
    sound = from_wire(b"".join(map(base64.b64decode, talked.of("audio"))), audio_format)
    heard = at_rate(sound, rate, HZ)
    split = len(heard) * len(GREETING) // len(GREETING + ADDRESS)
    assert understood(heard[split:], facts) or understood(heard, [f"{GREETING} {ADDRESS}"])

    record = house.ended(talked.id)
    assert record["status"] == "done"
    assert record["metadata"]["conversation_initiation_source"] == "js_sdk"
    assert said(record, "agent") == [GREETING, ADDRESS]
    assert said(record, "user") == talked.messages("user")
    heard_in_record(house, talked.id)
    rate, user, other = house.recording(talked.id)
    spoke = np.flatnonzero(np.abs(user.astype(np.int32)) > 500)
    assert understood(at_rate(other[spoke[-1] :], rate, HZ), facts) == ADDRESS
