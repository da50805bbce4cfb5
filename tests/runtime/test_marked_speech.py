"""Labels of voices and audio tags: kept in the record, never read aloud."""

from collections.abc import AsyncGenerator
from pathlib import Path

from typing_extensions import override

from runtime.session_rig import Client, Held, Scene, hold
from turnwise.providers.llm.scripted import Reply
from turnwise.providers.ports import SoundPiece, VoiceOptions
from turnwise.providers.tts.scripted import Scripted
from turnwise.runtime.session import Session
from turnwise.turns.commands import Announce, FinishReply
from turnwise.turns.events import HungUp, UserWrote
from turnwise.turns.policy import Policy

WORDS = "[laughs] It was late. <Joe>Who is there? Speak!</Joe> Nobody <Ann>answered</Ann> [sighs]."
VOICES = VoiceOptions(voice="own", labelled=(("Joe", VoiceOptions(voice="joe")),))


class Voice(Scripted):
    def __init__(self, *, reads_tags: bool) -> None:
        super().__init__(latency_ms=50)
        self.reads_tags = reads_tags
        self.asked: list[tuple[str, str]] = []

    @override
    def speak(self, text: str, options: VoiceOptions) -> AsyncGenerator[SoundPiece, None]:
        self.asked.append((options.voice, text.strip()))
        return super().speak(text, options)


async def acts(session: Session, client: Client) -> None:
    session.tell(UserWrote("go"))
    await client.until(lambda: client.when(FinishReply))
    session.tell(HungUp())


def held_with(folder: Path, *, reads_tags: bool) -> tuple[Held, Voice]:
    voice = Voice(reads_tags=reads_tags)
    replies = (Reply(WORDS),)
    scene = Scene(policy=Policy(), replies=replies, voice=voice, voice_options=VOICES)
    return hold(scene, folder, acts), voice


def test_marks_are_not_read_aloud_and_each_label_has_its_voice(tmp_path: Path) -> None:
    held, voice = held_with(tmp_path, reads_tags=False)
    assert voice.asked == [
        ("own", "It was late."),
        ("joe", "Who is there?"),
        ("joe", "Speak!"),
        ("own", "Nobody answered ."),
    ]
    assert [t["message"] for t in held.document["transcript"]] == ["go", WORDS]
    assert held.document["transcript"][1]["multivoice_message"] == {
        "parts": [
            {"text": "[laughs] It was late.", "voice_label": None, "time_in_call_secs": 0},
            {"text": "Who is there? Speak!", "voice_label": "Joe", "time_in_call_secs": 0},
            {"text": "Nobody answered [sighs].", "voice_label": None, "time_in_call_secs": 0},
        ]
    }
    [announced] = [c for _, c in held.client.commands if isinstance(c, Announce)]
    assert announced.text == WORDS
    shown = "".join("".join(sound.alignment.chars) for _, sound in held.client.sounds)
    assert shown.strip() == WORDS


def test_a_voice_that_reads_tags_is_given_them(tmp_path: Path) -> None:
    _, voice = held_with(tmp_path, reads_tags=True)
    assert voice.asked == [
        ("own", "[laughs] It was late."),
        ("joe", "Who is there?"),
        ("joe", "Speak!"),
        ("own", "Nobody answered [sighs]."),
    ]
