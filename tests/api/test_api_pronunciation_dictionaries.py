import asyncio
from typing import Any

import httpx
import pytest

from api.api_kit import error_of
from turnwise.api.pronunciation_dictionaries.lexicon import parsed, written

pytestmark = pytest.mark.anyio

PATH = "/v1/pronunciation-dictionaries"
UN = {
    "string_to_replace": "UN",
    "type": "alias",
    "alias": "United Nations",
    "case_sensitive": True,
    "word_boundaries": True,
}
TOMATO = {
    "string_to_replace": "tomato",
    "type": "phoneme",
    "phoneme": "T AH0 M EY1 T OW2",
    "alphabet": "cmu-arpabet",
    "case_sensitive": False,
    "word_boundaries": True,
}
LEXICON = b"""<?xml version="1.0" encoding="UTF-8"?>
<!-- of the W3C's examples -->
<lexicon version="1.0" xmlns="http://www.w3.org/2005/01/pronunciation-lexicon"
    alphabet="ipa" xml:lang="en-US">
  <meta name="author" content="x"/>
  <lexeme><grapheme>Sean</grapheme><grapheme>Shaun</grapheme><phoneme>\xca\x83\xc9\x94\xcb\x90n</phoneme></lexeme>
  <lexeme>
    <grapheme>W3C &amp; co</grapheme>
    <alias> World Wide Web Consortium </alias>
  </lexeme>
</lexicon>
"""


async def create(client: httpx.AsyncClient, *rules: dict[str, Any], name: str = "d") -> str:
    body = {"name": name, "rules": [*rules]}
    answer = await client.post(f"{PATH}/add-from-rules", json=body)
    assert answer.status_code == 200, answer.text
    return str(answer.json()["id"])


async def rules_of(client: httpx.AsyncClient, dictionary_id: str) -> list[dict[str, Any]]:
    return list((await client.get(f"{PATH}/{dictionary_id}")).json()["rules"])


async def test_add_from_rules_makes_a_dictionary_that_can_be_read(
    client: httpx.AsyncClient,
) -> None:
    body = {"name": "Words", "description": "of ours", "rules": [UN, TOMATO]}
    made = (await client.post(f"{PATH}/add-from-rules", json=body)).json()
    assert (made["name"], made["description"], made["version_rules_num"]) == ("Words", "of ours", 2)
    read = (await client.get(f"{PATH}/{made['id']}")).json()
    assert read["rules"] == [UN, TOMATO]
    assert read["latest_version_id"] == made["version_id"]
    assert (read["latest_version_rules_num"], read["archived_time_unix"]) == (2, None)


async def test_rules_get_the_published_defaults(client: httpx.AsyncClient) -> None:
    bare = {"string_to_replace": "a", "type": "alias", "alias": "b"}
    dictionary_id = await create(client, bare)
    (rule,) = await rules_of(client, dictionary_id)
    assert rule == {**bare, "case_sensitive": True, "word_boundaries": True}


async def test_add_from_file_reads_a_lexicon(client: httpx.AsyncClient) -> None:
    files = {"file": ("x.pls", LEXICON, "text/xml")}
    answer = await client.post(f"{PATH}/add-from-file", data={"name": "File"}, files=files)
    assert answer.json()["version_rules_num"] == 3
    rules = await rules_of(client, answer.json()["id"])
    assert [(rule["string_to_replace"], rule["type"]) for rule in rules] == [
        ("Sean", "phoneme"),
        ("Shaun", "phoneme"),
        ("W3C & co", "alias"),
    ]
    assert (rules[0]["phoneme"], rules[0]["alphabet"]) == ("\u0283\u0254\u02d0n", "ipa")
    assert rules[2]["alias"] == "World Wide Web Consortium"
    answer = await client.post(f"{PATH}/add-from-file", data={"name": "Empty"})
    assert answer.json()["version_rules_num"] == 0


BOMB = b"""<!DOCTYPE lexicon [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;">]><lexicon>&b;</lexicon>"""
OUTSIDE = b"""<!DOCTYPE x [<!ENTITY e SYSTEM "file:///etc/passwd">]><lexicon>&e;</lexicon>"""


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"text",
        b"<lexicon>",
        b"<html/>",
        b"<?xml version='1.0' encoding='odd'?><lexicon/>",
        b"\xff\xfe<\0",
        BOMB,
        OUTSIDE,
        b"<lexicon><lexeme><grapheme>a</grapheme></lexeme></lexicon>",
        b"<lexicon><lexeme><alias>a</alias></lexeme></lexicon>",
        b"<lexicon><lexeme><grapheme/><alias>a</alias></lexeme></lexicon>",
    ],
)
async def test_what_is_no_safe_lexicon_is_refused(client: httpx.AsyncClient, data: bytes) -> None:
    files = {"file": ("x.pls", data)}
    answer = await client.post(f"{PATH}/add-from-file", data={"name": "x"}, files=files)
    assert answer.status_code == 400
    assert error_of(answer)["code"] == "invalid_pronunciation_dictionary"
    assert (await client.get(PATH)).json()["pronunciation_dictionaries"] == []


async def test_rules_are_added_removed_and_set_as_new_versions(client: httpx.AsyncClient) -> None:
    dictionary_id = await create(client, UN)
    path = f"{PATH}/{dictionary_id}"
    first = (await client.get(path)).json()["latest_version_id"]
    other = {**UN, "alias": "U N"}
    answer = await client.post(f"{path}/add-rules", json={"rules": [TOMATO, other]})
    assert (answer.json()["id"], answer.json()["version_rules_num"]) == (dictionary_id, 2)
    assert await rules_of(client, dictionary_id) == [TOMATO, other]
    answer = await client.post(f"{path}/remove-rules", json={"rule_strings": ["tomato", "x"]})
    assert answer.json()["version_rules_num"] == 1
    assert await rules_of(client, dictionary_id) == [other]
    answer = await client.post(f"{path}/set-rules", json={"rules": [TOMATO]})
    assert await rules_of(client, dictionary_id) == [TOMATO]
    last = answer.json()["version_id"]
    assert last != first
    for version, text in ((first, "United Nations"), (last, "T AH0 M EY1 T OW2")):
        answer = await client.get(f"{path}/{version}/download")
        assert answer.headers["content-type"].startswith("text/plain")
        assert text in answer.text


async def test_rules_added_at_once_are_all_kept(client: httpx.AsyncClient) -> None:
    dictionary_id = await create(client)
    async with asyncio.TaskGroup() as group:
        for number in range(8):
            body = {"rules": [{**UN, "string_to_replace": str(number)}]}
            group.create_task(client.post(f"{PATH}/{dictionary_id}/add-rules", json=body))
    rules = await rules_of(client, dictionary_id)
    assert sorted(rule["string_to_replace"] for rule in rules) == [*map(str, range(8))]


async def test_a_dictionary_is_renamed_archived_and_brought_back(client: httpx.AsyncClient) -> None:
    dictionary_id = await create(client, UN)
    path = f"{PATH}/{dictionary_id}"
    changed = (await client.patch(path, json={"name": "New", "archived": True})).json()
    assert changed["name"] == "New"
    assert changed["archived_time_unix"] > 0
    assert (await client.patch(path, json={"archived": True})).json() == changed
    listed = await client.get(PATH, params={"include_archived": "false"})
    assert listed.json()["pronunciation_dictionaries"] == []
    assert (await client.get(PATH)).json()["pronunciation_dictionaries"] == [changed]
    assert (await client.patch(path, json={"archived": False})).json()["archived_time_unix"] is None
    assert (await client.patch(path, json={})).status_code == 200
    assert await rules_of(client, dictionary_id) == [UN]


async def test_dictionaries_are_sorted_and_paged(client: httpx.AsyncClient) -> None:
    for name in ("b", "C", "a"):
        await create(client, name=name)

    async def names(**params: str | int) -> list[str]:
        answer = await client.get(PATH, params=params)
        return [each["name"] for each in answer.json()["pronunciation_dictionaries"]]

    assert await names() == ["a", "C", "b"]
    assert await names(sort="name", sort_direction="ASCENDING") == ["a", "b", "C"]
    assert await names(sort_direction="ascending") == ["b", "C", "a"]
    page = (await client.get(PATH, params={"page_size": 2})).json()
    assert page["has_more"]
    assert await names(cursor=page["next_cursor"]) == ["b"]


@pytest.mark.parametrize(
    ("method", "path", "body", "status"),
    [
        ("GET", f"{PATH}/no", None, 404),
        ("PATCH", f"{PATH}/no", {"name": "x"}, 404),
        ("POST", f"{PATH}/no/add-rules", {"rules": [UN]}, 404),
        ("POST", f"{PATH}/no/set-rules", {"rules": [UN]}, 404),
        ("POST", f"{PATH}/no/remove-rules", {"rule_strings": ["x"]}, 404),
        ("GET", f"{PATH}/no/no/download", None, 404),
        ("GET", f"{PATH}?sort=odd", None, 422),
        ("GET", f"{PATH}?sort_direction=odd", None, 422),
        ("GET", f"{PATH}?cursor=odd", None, 400),
        ("POST", f"{PATH}/add-from-rules", {"name": "x"}, 422),
        ("POST", f"{PATH}/add-from-rules", {"rules": []}, 422),
        ("POST", f"{PATH}/add-from-rules", {"name": "x", "rules": [{"type": "odd"}]}, 422),
        ("POST", f"{PATH}/add-from-rules", {"name": "x", "rules": [{**UN, "alias": None}]}, 422),
        ("POST", f"{PATH}/add-from-file", None, 422),
    ],
)
async def test_a_bad_request_about_dictionaries_is_refused(
    client: httpx.AsyncClient, method: str, path: str, body: object, status: int
) -> None:
    assert (await client.request(method, path, json=body)).status_code == status


async def test_a_version_belongs_to_its_dictionary(client: httpx.AsyncClient) -> None:
    one, two = await create(client, UN), await create(client, TOMATO)
    version = (await client.get(f"{PATH}/{one}")).json()["latest_version_id"]
    answer = await client.get(f"{PATH}/{two}/{version}/download")
    assert error_of(answer)["code"] == "pronunciation_dictionary_version_not_found"


async def test_a_lexicon_that_is_written_is_read_as_it_was() -> None:
    odd = {**UN, "string_to_replace": 'A & B <"c">', "alias": "ü\u2028 ]]> 'x'"}
    phoneme = {**TOMATO, "alphabet": 'x"y', "case_sensitive": True}
    assert parsed(written([odd, phoneme, UN])) == [odd, phoneme, UN]
    (rule,) = parsed(written([{**UN, "alias": "a\0b\x1f\ufffe"}]))
    assert rule["alias"] == "ab"
    assert parsed(written([])) == []
