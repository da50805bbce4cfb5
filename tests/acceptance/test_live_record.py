"""A conversation can be found from its first moment on, before anything is said in it."""

import httpx
import pytest

from acceptance.callers import AS_TEXT, Caller
from acceptance.house import KEY, House, agent

pytestmark = pytest.mark.acceptance


def test_feedback_files_and_tags_reach_a_conversation_that_has_just_begun(house: House) -> None:
    agent_id = house.create(agent())  # waits for the user: there is no first message
    path = f"{house.url}/v1/convai/conversations"
    with (
        httpx.Client(headers={"xi-api-key": KEY}) as http,
        Caller(house.socket_url(agent_id), AS_TEXT) as caller,
    ):
        found = house.conversation(caller.conversation_id)
        assert (found["status"], found["transcript"]) == ("in-progress", [])
        here = f"{path}/{caller.conversation_id}"
        http.post(f"{here}/feedback", json={"feedback": "like"}).raise_for_status()
        http.post(f"{here}/files", files={"file": ("a.txt", b"Words")}).raise_for_status()
        tag = http.post(f"{house.url}/v1/convai/tags", json={"title": "VIP"}).json()["tag_id"]
        http.post(f"{here}/tags", json={"tag_ids": [tag]}).raise_for_status()
    ended = house.ended(caller.conversation_id)
    assert ended["metadata"]["feedback"]["overall_score"] == "like"
    assert ended["tag_ids"] == [tag]


def test_a_conversation_is_stored_before_its_id_is_sent(house: House) -> None:
    agent_id = house.create(agent())
    for _ in range(20):
        with Caller(house.socket_url(agent_id), AS_TEXT) as caller:
            assert house.conversation(caller.conversation_id)["agent_id"] == agent_id
