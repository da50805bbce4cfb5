"""`/v1/voices` and `/v2/voices`."""

from typing import Any

from turnwise.api.errors import Invalid, problem
from turnwise.api.places import page_of
from turnwise.api.queries import refuse
from turnwise.api.serving import Answer, Call, Slice
from turnwise.api.voice_catalogue import SETTINGS, all_voices, listed_voice, settings_of
from turnwise.api.voices.views import CATEGORY, shown, shown_settings
from turnwise.providers.ports import Voice

voices = Slice()

MOST = 100
"""Size of the largest page."""

_OF_A_LIBRARY = ("min_notice_period_days", "high_quality")
_NOBODY_HAS = ("age", "accent", "use_cases", "fine_tuning_state", "collection_id")
"""Facts that are not known of any voice here."""
_SORTS = ("name", "created_at_unix")
_DIRECTIONS = ("asc", "desc")


@voices.serve("GET /v1/voices")
async def list_voices(call: Call) -> Answer:
    """Return all voices: those of this server, and the well-known ones they stand for."""
    found = await all_voices(call.deps)
    return {"voices": await _shown(call, found)}


@voices.serve("GET /v2/voices")
async def search_voices(call: Call) -> Answer:
    """Return a page of the voices that fit."""
    asked = call.query
    refuse(call.request, _OF_A_LIBRARY)
    if not 1 <= asked["page_size"] <= MOST:
        text = f"Input should be from 1 to {MOST}"
        raise Invalid([problem("less_than_equal", ["query", "page_size"], text)])
    found = [voice for voice in await all_voices(call.deps) if _fits(voice, asked)]
    _sort(found, asked)
    page, token = page_of(found, asked["page_size"], asked.get("next_page_token"))
    return {
        "voices": await _shown(call, page),
        "has_more": token is not None,
        "total_count": len(found),
        "next_page_token": token,
    }


@voices.serve("GET /v1/voices/{voice_id}")
async def get_voice(call: Call) -> Answer:
    """Return a voice."""
    (found,) = await _shown(call, [await listed_voice(call.deps, call.path["voice_id"])])
    if not call.query["with_settings"]:
        found["settings"] = None
    return found


@voices.serve("GET /v1/voices/settings/default")
async def get_default_settings(_call: Call) -> Answer:
    """Return what a voice is set to that nobody set."""
    return shown_settings({})


@voices.serve("GET /v1/voices/{voice_id}/settings")
async def get_settings(call: Call) -> Answer:
    """Return what a voice is set to."""
    voice = await listed_voice(call.deps, call.path["voice_id"])
    async with call.deps.store.reading() as tx:
        return shown_settings(await settings_of(tx, voice.voice_id))


@voices.serve("POST /v1/voices/{voice_id}/settings/edit")
async def change_settings(call: Call) -> Answer:
    """Set how a voice speaks where a request does not say."""
    voice = await listed_voice(call.deps, call.path["voice_id"])
    document = call.filled()
    async with call.deps.store.writing() as tx:
        if await tx.records.replace(SETTINGS, voice.voice_id, document) is None:
            await tx.records.create(SETTINGS, document, record_id=voice.voice_id)
    return {"status": "ok"}


async def _shown(call: Call, found: list[Voice]) -> list[Any]:
    async with call.deps.store.reading() as tx:
        known = await tx.records.many(SETTINGS, [voice.voice_id for voice in found])
    return [
        shown(voice, known[voice.voice_id].document if voice.voice_id in known else {})
        for voice in found
    ]


def _fits(voice: Voice, asked: dict[str, Any]) -> bool:
    languages, ids = asked.get("language") or (), asked.get("voice_ids") or ()
    words = (asked.get("search") or "").casefold().split()
    text = f"{voice.name} {voice.voice_id} {voice.gender} {voice.language}".casefold()
    return (
        all(word in text for word in words)
        and (asked.get("voice_type") or "default") == "default"
        and (asked.get("category") or CATEGORY) == CATEGORY
        and not any(asked.get(name) for name in _NOBODY_HAS)
        and (asked.get("gender") or voice.gender) == voice.gender
        and (not languages or not voice.language or voice.language in languages)
        and (not ids or voice.voice_id in ids)
    )


def _sort(found: list[Voice], asked: dict[str, Any]) -> None:
    """Sort voices in place; by time they stay as they are, for nobody knows when they were made.

    Raises:
        Invalid: If they should be sorted by something else.
    """
    by, direction = asked.get("sort"), asked.get("sort_direction") or "asc"
    for name, value, known in [
        ("sort", by or _SORTS[0], _SORTS),
        ("sort_direction", direction, _DIRECTIONS),
    ]:
        if value not in known:
            text = f"Input should be {' or '.join(known)}"
            raise Invalid([problem("enum", ["query", name], text)])
    if by == "name":
        found.sort(key=lambda voice: voice.name.casefold())
    if by and direction == "desc":
        found.reverse()
