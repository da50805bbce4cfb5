"""The parts of a move: ids and times that are given again, rows, folders, sound, the summary."""

import io
import wave

import pytest

from api.conftest import wav
from moving.workspace_kit import House
from turnwise.moving.folders import content_of
from turnwise.moving.recordings import as_wav
from turnwise.moving.report import Report
from turnwise.moving.source import Json, SourceError
from turnwise.moving.target import KnownOrigins, Refused
from turnwise.moving.transfer import Row, parents_first, row_of

TAGS = "/v1/convai/tags"


def test_known_ids_are_given_once_and_within_the_block_only() -> None:
    known = KnownOrigins()
    new_id = known.origins().new_id
    with known.known({"agent_": "agent_1", "agtbrch_": None, "": "plain"}, None):
        assert new_id("agent_") == "agent_1"
        assert new_id("") == "plain"
        assert new_id("agent_").startswith("agent_")
        assert new_id("agtbrch_").startswith("agtbrch_")
    with known.known({"agent_": "agent_2"}, None):
        pass
    assert new_id("agent_") not in {"agent_1", "agent_2", "agent_"}


def test_what_was_made_in_one_second_keeps_its_order() -> None:
    known = KnownOrigins(now=lambda: 5.0)
    origins = known.origins()
    times = []
    for at in (1_700_000_000.0, 1_700_000_000.0, 1_700_000_001.0):
        with known.known({}, at):
            times += [origins.now_us(), origins.now_us()]
    assert times == sorted(set(times))
    assert {time // 1_000_000 for time in times} == {1_700_000_000, 1_700_000_001}
    assert origins.now() == 5.0


@pytest.mark.anyio
async def test_what_gets_another_id_is_refused(new: House) -> None:
    made = await new.target.make(TAGS, {"title": "a"}, {"tag_": "tag_1"}, at=1_700_000_000)
    assert made["tag_id"] == "tag_1"
    assert made["created_at_unix_secs"] == 1_700_000_000
    with pytest.raises(Refused, match="another id here: tag_"):
        await new.target.make(TAGS, {"title": "b"}, {"tool_": "t"}, shown=("tag_id", "t"))


@pytest.mark.anyio
async def test_a_refusal_says_the_places_of_what_is_wrong(new: House) -> None:
    with pytest.raises(Refused, match=r"not taken here: title: .*string"):
        await new.target.make(TAGS, {"title": 5})
    with pytest.raises(Refused, match=r"Tag with id x not found\."):
        await new.target.send("GET", f"{TAGS}/x")
    with pytest.raises(Refused, match="cannot be sent"):
        await new.target.make(TAGS, {"title": float("nan")})


@pytest.mark.parametrize(
    ("listed", "name", "at"),
    [
        ({"id": "1", "name": "N", "created_at_unix_secs": 7}, "N", 7.0),
        ({"id": "1", "title": "T", "metadata": {"created_at": 8}}, "T", 8.0),
        ({"id": "1", "label": "L", "creation_time_unix": 9.5}, "L", 9.5),
        ({"id": "1", "tool_config": {"name": "find"}}, "find", None),
        ({"id": "1", "name": None, "metadata": None, "created_at": "2024"}, "", None),
        ({"id": "1", "created_at": 1_700_000_000_000}, "", None),
    ],
)
def test_a_row_has_an_id_a_name_and_a_time(listed: Json, name: str, at: float | None) -> None:
    assert row_of(listed, "id") == Row(id="1", name=name, at=at, listed=listed)


@pytest.mark.parametrize("listed", [{}, {"id": None}, {"id": ""}, {"id": 5}])
def test_a_row_without_id_is_none(listed: Json) -> None:
    with pytest.raises(SourceError, match="no id"):
        row_of(listed, "id")


def test_no_folder_comes_before_the_one_it_is_in() -> None:
    parents = {"c": "b", "b": "a", "a": None, "x": "gone", "p": "q", "q": "p"}
    rows = [row_of({"id": key, "folder_parent_id": each}, "id") for key, each in parents.items()]
    order = [row.id for row in parents_first(rows)]
    assert sorted(order) == sorted(parents)
    assert order.index("a") < order.index("b") < order.index("c")


@pytest.mark.parametrize(
    ("document", "text"),
    [
        ({"type": "text", "extracted_inner_html": "a < b\nc"}, "a < b\nc"),
        ({"type": "text", "extracted_inner_html": "<p>a</p><p>b</p>"}, "a\n\nb"),
        ({"type": "url", "extracted_inner_html": "<p>a</p>"}, "a"),
        ({"type": "file", "extracted_inner_html": "# A\n\n*b*", "content_format": "markdown"}, "#"),
    ],
)
def test_what_a_document_says_is_kept_with_its_plain_text(document: Json, text: str) -> None:
    content = content_of(document)
    assert content.markup == document["extracted_inner_html"]
    assert content.format == document.get("content_format", "html")
    assert content.text.startswith(text)


@pytest.mark.parametrize("channels", [1, 2])
def test_an_mp3_becomes_a_wav_file_of_the_same_rate_and_channels(channels: int) -> None:
    encoder = pytest.importorskip("lameenc").Encoder()
    encoder.set_in_sample_rate(22_050)
    encoder.set_channels(channels)
    encoder.silence()
    sound = bytes(encoder.encode(bytes(2 * channels * 22_050)) + encoder.flush())
    with wave.open(io.BytesIO(as_wav(sound))) as read:
        assert (read.getframerate(), read.getnchannels(), read.getsampwidth()) == (
            22_050,
            channels,
            2,
        )
        assert read.getnframes() == pytest.approx(22_050, rel=0.15)


def test_a_wav_file_stays_as_it_is_and_noise_is_refused() -> None:
    assert as_wav(wav()) == wav()
    with pytest.raises(Refused, match="no sound that can be read"):
        as_wav(b"no sound at all")


def test_the_summary_names_everything_once() -> None:
    report = Report()
    report.of("agents").moved = 3
    report.of("tools").there = 2
    report.fail("tools", "find (tool_1)", "it answered 500")
    report.skip("recordings")
    report.skip("recordings")
    report.set_again.append("secrets: K (secret_1)")
    assert list(report.lines()) == [
        "agents  3 moved",
        "tools   0 moved, 2 there already, 1 failed",
        "",
        "Left out:",
        "  - recordings (2)",
        "",
        "Failed (run it again to try again):",
        "  - tools: find (tool_1): it answered 500",
        "",
        "Set again (their values cannot be read):",
        "  - secrets: K (secret_1)",
    ]
    assert not report.complete
    assert Report().complete
    empty = Report()
    empty.of("agents")
    assert list(empty.lines()) == ["there is nothing to move"]
