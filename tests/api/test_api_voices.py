from collections.abc import AsyncIterator, Sequence
from dataclasses import replace

import httpx
import pytest

from api.api_kit import KEY, error_of
from turnwise.api import Deps, create_api
from turnwise.base.errors import ProviderUnavailable
from turnwise.providers.ports import Voice
from turnwise.providers.tts.scripted import Scripted
from turnwise.providers.wire_voices import WIRE_VOICES

pytestmark = pytest.mark.anyio

RACHEL = "21m00Tcm4TlvDq8ikWAM"


class Choir(Scripted):
    """Has voices."""

    async def voices(self) -> Sequence[Voice]:
        return [
            Voice(voice_id="low", name="Zoe", language="de", gender="female"),
            Voice(voice_id="high", name="Abe", gender="male"),
        ]


class Mute(Scripted):
    """Cannot say which voices it has."""

    async def voices(self) -> Sequence[Voice]:
        raise ProviderUnavailable("tts/mute", "it is away")


@pytest.fixture
async def singing(deps: Deps) -> AsyncIterator[httpx.AsyncClient]:
    transport = httpx.ASGITransport(create_api(replace(deps, synthesizer=Choir())))
    headers = {"xi-api-key": KEY}
    async with httpx.AsyncClient(
        transport=transport, base_url="http://t", headers=headers
    ) as client:
        yield client


async def test_get_voices_has_the_local_ones_and_the_well_known_ones(
    singing: httpx.AsyncClient,
) -> None:
    voices = (await singing.get("/v1/voices")).json()["voices"]
    assert [voice["voice_id"] for voice in voices] == ["low", "high", *WIRE_VOICES]
    assert voices[0]["labels"] == {"gender": "female", "language": "de"}
    assert voices[0]["verified_languages"][0]["language"] == "de"


@pytest.mark.parametrize("voice_id", ["high", RACHEL, "cjVigY5qzO86Huf0OWal"])
async def test_get_voice_finds_one_by_id(singing: httpx.AsyncClient, voice_id: str) -> None:
    voice = (await singing.get(f"/v1/voices/{voice_id}")).json()
    assert voice["voice_id"] == voice_id
    assert voice["settings"]["stability"] == 0.5
    params = {"with_settings": "false"}
    voice = (await singing.get(f"/v1/voices/{voice_id}", params=params)).json()
    assert voice["settings"] is None


async def test_an_unknown_voice_has_the_published_answer(singing: httpx.AsyncClient) -> None:
    for path in ("no", "no/settings", f"{'x' * 3_000}"):
        answer = await singing.get(f"/v1/voices/{path}")
        assert answer.status_code == 404
        assert error_of(answer)["code"] == "voice_not_found"
    assert (await singing.post("/v1/voices/no/settings/edit", json={})).status_code == 404


@pytest.mark.parametrize(
    ("params", "ids"),
    [
        ({"search": "zoe"}, ["low"]),
        ({"search": "rachel female"}, [RACHEL]),
        ({"search": "nobody"}, []),
        ({"voice_ids": ["high", RACHEL, "no"]}, ["high", RACHEL]),
        ({"voice_ids": ["high", "low"], "gender": "male"}, ["high"]),
        ({"voice_ids": ["high", "low"], "language": ["fr"]}, ["high"]),
        ({"voice_ids": ["high"], "category": "premade", "voice_type": "default"}, ["high"]),
        ({"category": "cloned"}, []),
        ({"voice_type": "personal"}, []),
        ({"age": "old"}, []),
        ({"collection_id": "c"}, []),
        ({"voice_ids": ["high", "low"], "sort": "name"}, ["high", "low"]),
        ({"voice_ids": ["high", "low"], "sort": "name", "sort_direction": "desc"}, ["low", "high"]),
        (
            {"voice_ids": ["high", "low"], "sort": "created_at_unix", "sort_direction": "desc"},
            ["high", "low"],
        ),
        ({"voice_ids": ["high", "low"], "sort": "created_at_unix"}, ["low", "high"]),
    ],
)
async def test_search_voices_finds_those_that_fit(
    singing: httpx.AsyncClient, params: dict[str, str], ids: list[str]
) -> None:
    body = (await singing.get("/v2/voices", params=params)).json()
    assert [voice["voice_id"] for voice in body["voices"]] == ids
    assert (body["total_count"], body["has_more"]) == (len(ids), False)


async def test_search_voices_is_paged(singing: httpx.AsyncClient) -> None:
    found: list[str] = []
    token: str | None = ""
    while token is not None:
        params: dict[str, str | int] = {"next_page_token": token, "page_size": 7}
        body = (await singing.get("/v2/voices", params=params)).json()
        found += [voice["voice_id"] for voice in body["voices"]]
        token = body["next_page_token"]
        assert body["has_more"] == (token is not None)
    assert found == ["low", "high", *WIRE_VOICES]


@pytest.mark.parametrize(
    ("params", "status"),
    [
        ("page_size=0", 422),
        ("page_size=101", 422),
        ("page_size=x", 422),
        ("next_page_token=x", 400),
        ("sort=age", 422),
        ("sort=name&sort_direction=up", 422),
        ("high_quality=true", 501),
    ],
)
async def test_a_bad_search_for_voices_is_refused(
    singing: httpx.AsyncClient, params: str, status: int
) -> None:
    assert (await singing.get(f"/v2/voices?{params}")).status_code == status


async def test_settings_of_a_voice_are_kept(singing: httpx.AsyncClient) -> None:
    defaults = (await singing.get("/v1/voices/settings/default")).json()
    assert (defaults["stability"], defaults["similarity_boost"], defaults["speed"]) == (
        0.5,
        0.75,
        1,
    )
    path = f"/v1/voices/{RACHEL}/settings"
    assert (await singing.get(path)).json() == defaults
    kept: dict[str, object] = {}
    for speed in (0.8, 1.1):
        answer = await singing.post(f"{path}/edit", json={"speed": speed, "stability": 1})
        assert answer.json() == {"status": "ok"}
        kept = (await singing.get(path)).json()
        assert kept == {**defaults, "speed": speed, "stability": 1}
    assert (await singing.get(f"/v1/voices/{RACHEL}")).json()["settings"] == kept
    assert (await singing.get("/v1/voices/high/settings")).json() == defaults
    assert (await singing.post(f"{path}/edit", json={"stability": 2})).status_code == 422


async def test_models_are_those_that_clients_name(client: httpx.AsyncClient) -> None:
    models = (await client.get("/v1/models")).json()
    assert {"eleven_multilingual_v2", "eleven_flash_v2"} <= {each["model_id"] for each in models}
    assert all(each["can_do_text_to_speech"] for each in models)


async def test_a_voice_engine_that_is_away_is_told(deps: Deps) -> None:
    transport = httpx.ASGITransport(create_api(replace(deps, synthesizer=Mute())))
    async with httpx.AsyncClient(transport=transport, base_url="http://t") as client:
        answer = await client.get("/v1/voices", headers={"xi-api-key": KEY})
    assert answer.status_code == 503
    assert error_of(answer)["code"] == "provider_unavailable"


async def test_without_an_engine_there_are_no_models(deps: Deps) -> None:
    transport = httpx.ASGITransport(create_api(replace(deps, synthesizer=None)))
    async with httpx.AsyncClient(transport=transport, base_url="http://t") as client:
        headers = {"xi-api-key": KEY}
        assert (await client.get("/v1/models", headers=headers)).json() == []
        assert (await client.get("/v1/voices", headers=headers)).json()["voices"]
