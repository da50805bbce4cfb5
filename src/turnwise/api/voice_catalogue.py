"""Which voices this server speaks with: its own, and those of the hosted service.

Agents and clients name voices of the hosted service by id. Each is spoken by a local voice, always
the same one; the well-known ones are listed, so that clients that look for them find them.
"""

from turnwise.api.deps import Deps
from turnwise.api.errors import NotFound, NotOffered
from turnwise.providers.ports import Synthesizer, Voice, voices_of
from turnwise.providers.wire_voices import WIRE_VOICES, has_wire_form
from turnwise.store import Document, Transaction

MOST_CHARS = 40_000
"""Length of the longest text that is spoken at once."""

SETTINGS = "voice_settings"
"""Kind of the records of what voices are set to, by id of the voice."""


def synthesizer_of(deps: Deps) -> Synthesizer:
    """Return who speaks.

    Raises:
        NotOffered: If nobody does.
    """
    if deps.synthesizer is None:
        raise NotOffered("This server speaks in conversations only.")
    return deps.synthesizer


async def local_voices(deps: Deps) -> list[Voice]:
    """Return the voices that this server has itself.

    Raises:
        ProviderError: If they cannot be had.
    """
    return list(await voices_of(deps.synthesizer)) if deps.synthesizer else []


async def all_voices(deps: Deps) -> list[Voice]:
    """Return the voices of this server, then the well-known ones that they stand for.

    Raises:
        ProviderError: If they cannot be had.
    """
    local = await local_voices(deps)
    known = {voice.voice_id for voice in local}
    return [*local, *(voice for key, voice in WIRE_VOICES.items() if key not in known)]


async def listed_voice(deps: Deps, voice_id: str) -> Voice:
    """Return a voice that is in the list.

    Raises:
        NotFound: If there is none of that id.
        ProviderError: If nobody knows.
    """
    for voice in await all_voices(deps):
        if voice.voice_id == voice_id:
            return voice
    raise _unknown(voice_id)


async def check_speakable(deps: Deps, voice_id: str) -> None:
    """Refuse a voice with which nothing can be spoken.

    Any id of the hosted service will do, for people bring their own; and any name where the
    synthesizer cannot say which it has.

    Raises:
        NotFound: If there is none of that id.
        ProviderError: If nobody knows.
    """
    local = await local_voices(deps)
    if local and not has_wire_form(voice_id):
        await listed_voice(deps, voice_id)


async def settings_of(tx: Transaction, voice_id: str) -> Document:
    """Return what a voice is set to, as far as it was ever set."""
    record = await tx.records.get(SETTINGS, voice_id)
    return record.document if record else {}


def _unknown(voice_id: str) -> NotFound:
    return NotFound(f"A voice with voice_id '{voice_id}' was not found.", code="voice_not_found")
