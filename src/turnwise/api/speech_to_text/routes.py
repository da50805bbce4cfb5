"""`/v1/speech-to-text`."""

from functools import partial

from anyio import to_thread
from starlette.datastructures import UploadFile

from turnwise.api.errors import Invalid, NotOffered, Unauthenticated, problem
from turnwise.api.serving import Answer, Call, Slice
from turnwise.api.speech_to_text.listening import Ears, Heard
from turnwise.api.speech_to_text.recordings import Recording, read
from turnwise.api.token_box import redeem
from turnwise.providers.ports import ListeningOptions
from turnwise.store import Document

speech_to_text = Slice()

LANGUAGE = "en"
"""Where the request does not say one: no language is detected here."""

_NOT_YET = (
    "diarize",
    "detect_speaker_roles",
    "use_speaker_library",
    "webhook",
    "cloud_storage_url",
    "source_url",
    "transcript_edit",
    "entity_detection",
    "entity_redaction",
    "numbers_format",
    "no_verbatim",
    "secondary_language_codes",
    "additional_formats",
)
"""Parts of the form that would change the answer."""
_NOT_GIVEN = (None, False, "", "null")
"""The official SDK writes null as a word where it was told nothing."""
_PCM = "pcm_s16le_16"
_UNKNOWN_LOGPROB = 0.0
"""Transcribers do not say how sure they are of a word."""


@speech_to_text.serve("POST /v1/speech-to-text", access="open")
async def convert_speech(call: Call) -> Answer:
    """Return the words of a recording; a single-use token stands for a key."""
    await _check_allowed(call)
    form, transcriber = call.body, call.deps.transcriber
    for name in _NOT_YET:
        if _is_given(form.get(name)):
            raise NotOffered(f"This server does not offer {name} yet; leave it out.")
    if form.get("multichannel_output_style") == "combined":
        raise NotOffered("This server does not offer combined channels yet.")
    if transcriber is None:
        raise NotOffered("This server listens in conversations only.")
    file = form.get("file")
    if not isinstance(file, UploadFile):
        raise Invalid([problem("missing", ["body", "file"], "Field required")])
    data = await file.read()
    recording = await to_thread.run_sync(partial(read, data, bare=form["file_format"] == _PCM))
    options = ListeningOptions(
        language=form.get("language_code") or LANGUAGE, keywords=tuple(form.get("keyterms") or ())
    )
    return await _answer(form, recording, Ears(transcriber, call.deps.detector, options))


async def _check_allowed(call: Call) -> None:
    """Refuse who has neither a key nor a token.

    Raises:
        Unauthenticated: Always then.
    """
    if call.key is not None:
        return
    token = call.query.get("token")
    if not token:
        raise Unauthenticated(
            "Neither authorization header nor xi-api-key received, please provide one.",
            legacy="needs_authorization",
        )
    async with call.deps.store.writing() as tx:
        good = await redeem(tx, token, "batch_scribe")
    if not good:
        raise Unauthenticated("The token is not valid, or was used.", legacy="invalid_token")


def _is_given(value: object) -> bool:
    values = value if isinstance(value, list) else [value]
    return any(each not in _NOT_GIVEN for each in values)


async def _answer(form: Document, recording: Recording, ears: Ears) -> Document:
    if not form["use_multi_channel"]:
        heard = await ears.listen(recording.mixed())
        return {**_transcript(form, heard), "audio_duration_secs": recording.secs}
    transcripts = []
    for index, channel in enumerate(recording.channels):
        transcript = _transcript(form, await ears.listen(channel))
        for word in transcript["words"]:
            word["channel_index"] = index
        transcripts.append({**transcript, "channel_index": index})
    return {
        "transcripts": transcripts,
        "transcription_id": None,
        "audio_duration_secs": recording.secs,
    }


def _transcript(form: Document, heard: list[Heard]) -> Document:
    told = form.get("language_code")
    return {
        "language_code": told or LANGUAGE,
        "language_probability": 1.0 if told else 0.0,
        "text": "".join(each.text for each in heard),
        "words": [_word(each, form["timestamps_granularity"]) for each in heard],
        "transcription_id": None,
    }


def _word(heard: Heard, granularity: str) -> Document:
    timed = granularity != "none"
    word: Document = {
        "text": heard.text,
        "type": "word" if heard.is_word else "spacing",
        "start": heard.at.starts_ms[0] / 1000 if timed else None,
        "end": heard.at.ends_ms[-1] / 1000 if timed else None,
        "speaker_id": None,
        "logprob": _UNKNOWN_LOGPROB,
        "characters": None,
    }
    if granularity == "character":
        times = zip(heard.at.chars, heard.at.starts_ms, heard.at.ends_ms, strict=True)
        word["characters"] = [
            {"text": char, "start": start / 1000, "end": end / 1000} for char, start, end in times
        ]
    return word
