"""An agent answers from the documents that were stored for it: the whole server."""

import json
import socket
import threading
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
import uvicorn
from websockets.sync.client import connect

from api.api_kit import KEY
from turnwise.main import Application
from turnwise.providers.registry import create
from turnwise.providers.stt.scripted import Scripted as Transcriber
from turnwise.providers.tts.scripted import Scripted as Voice
from turnwise.providers.vad.energy import Energy
from turnwise.runtime.session import Minds
from turnwise.settings import load

TRICYCLE = "The red tricycle costs forty dollars."
FILLING = "\n\n".join(f"Item {n} of the catalogue is a toy of no interest." for n in range(9_000))


def minds() -> Minds:
    return Minds(
        model=create("llm", "offline"),
        synthesizer=Voice(),
        transcriber=Transcriber(),
        detector=Energy(),
    )


class House:
    """The server on a port of its own, and a client of it."""

    def __init__(self, port: int) -> None:
        self.http = httpx.Client(
            base_url=f"http://127.0.0.1:{port}", headers={"xi-api-key": KEY}, timeout=30
        )
        self.socket_url = f"ws://127.0.0.1:{port}/v1/convai/conversation"

    def post(self, path: str, body: dict[str, Any]) -> dict[str, Any]:
        found: dict[str, Any] = self.http.post(path, json=body).raise_for_status().json()
        return found


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    folder = tmp_path_factory.mktemp("talk")
    environ = {"TURNWISE_DATA": str(folder), "TURNWISE_API_KEY": KEY}
    settings = load({}, environ, folder / "turnwise.toml")
    server = uvicorn.Server(uvicorn.Config(Application(settings, minds), log_level="warning"))
    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
        thread.start()
        made = House(listener.getsockname()[1])
        with made.http:
            yield made
        server.should_exit = True
        thread.join()


def text_document(house: House, text: str, **more: object) -> str:
    return str(house.post("/v1/convai/knowledge-base/text", {"text": text, **more})["id"])


def agent(house: House, locators: list[dict[str, Any]], **rag: object) -> str:
    prompt = {"prompt": "You sell toys.", "knowledge_base": locators, "rag": rag}
    permitted = {"conversation_config_override": {"conversation": {"text_only": True}}}
    body = {
        "conversation_config": {"agent": {"first_message": "", "prompt": prompt}},
        "platform_settings": {"overrides": permitted},
    }
    return str(house.post("/v1/convai/agents/create", body)["agent_id"])


def locator(document_id: str, **more: str) -> dict[str, Any]:
    return {"type": "text", "id": document_id, "name": "a document", **more}


def answer(house: House, agent_id: str, question: str) -> str:
    with connect(f"{house.socket_url}?agent_id={agent_id}") as talk:
        override = {"conversation": {"text_only": True}}
        init = {"type": "conversation_initiation_client_data"}
        talk.send(json.dumps(init | {"conversation_config_override": override}))
        talk.send(json.dumps({"type": "user_message", "text": question}))
        while True:
            message = json.loads(talk.recv(timeout=30))
            if message["type"] == "agent_response":
                return str(message["agent_response_event"]["agent_response"])


@pytest.mark.parametrize("usage", ["prompt", "auto"])
@pytest.mark.parametrize("rag", [False, True])
def test_a_stored_document_is_answered_from(house: House, usage: str, rag: bool) -> None:  # noqa: FBT001
    document_id = text_document(house, TRICYCLE)
    agent_id = agent(house, [locator(document_id, usage_mode=usage)], enabled=rag)
    assert answer(house, agent_id, "What does the tricycle cost?") == TRICYCLE


@pytest.mark.parametrize("rag", [False, True])
def test_the_right_passage_of_a_long_document_is_found(house: House, rag: bool) -> None:  # noqa: FBT001
    document_id = text_document(house, f"{FILLING}\n\n{TRICYCLE}\n\n{FILLING}")
    agent_id = agent(house, [locator(document_id)], enabled=rag)
    assert answer(house, agent_id, "What does the tricycle cost?") == TRICYCLE


def test_a_folder_brings_all_that_is_in_it(house: House) -> None:
    outer = house.post("/v1/convai/knowledge-base/folder", {"name": "All"})["id"]
    body = {"name": "Toys", "parent_folder_id": outer}
    inner = house.post("/v1/convai/knowledge-base/folder", body)["id"]
    text_document(house, TRICYCLE, parent_folder_id=inner)
    agent_id = agent(house, [locator(outer, type="folder")])
    assert answer(house, agent_id, "What does the tricycle cost?") == TRICYCLE


def test_what_a_document_says_now_counts(house: House) -> None:
    document_id = text_document(house, f"{FILLING}\n\n{TRICYCLE}")
    agent_id = agent(house, [locator(document_id)])
    assert answer(house, agent_id, "What does the tricycle cost?") == TRICYCLE
    dearer = "The red tricycle costs fifty dollars."
    path = f"/v1/convai/knowledge-base/{document_id}"
    house.http.patch(path, json={"content": f"{dearer}\n\n{FILLING}"}).raise_for_status()
    assert answer(house, agent_id, "What does the tricycle cost?") == dearer


def test_a_document_that_is_gone_is_missed_by_nobody(house: House) -> None:
    gone, kept = text_document(house, "The bell costs nine."), text_document(house, TRICYCLE)
    agent_id = agent(house, [locator(gone), locator(kept)])
    house.http.delete(f"/v1/convai/knowledge-base/{gone}?force=true").raise_for_status()
    assert answer(house, agent_id, "What does the tricycle cost?") == TRICYCLE
