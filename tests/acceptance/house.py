"""A real server process, and what is asked of it from outside."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeVar

import httpx

from acceptance.speech import CLEAR_VOICE, Sound, read_wav

Json = dict[str, Any]
T = TypeVar("T")

KEY = "sk_acceptance"
LIMIT_S = 45.0
"""Longest wait for anything: the machine may be slow, and its other users busy."""


def wait_until(condition: Callable[[], T | None], what: str, limit_s: float = LIMIT_S) -> T:
    """Ask again and again until the answer is not falsy, and return it."""
    end = time.monotonic() + limit_s
    while True:
        if found := condition():
            return found
        assert time.monotonic() < end, f"{what} did not happen in {limit_s} s"
        time.sleep(0.05)


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
        return port


IN_WRITING: Json = {"conversation_config_override": {"conversation": {"text_only": True}}}


def agent(
    prompt: str = "",
    first_message: str = "",
    *,
    tools: list[Json] | None = None,
    config: Json | None = None,
    settings: Json | None = None,
) -> Json:
    """A new agent, as a client describes it.

    Args:
        prompt: What it is told.
        first_message: What it says first; empty: it waits for the user.
        tools: Of its prompt, inline.
        config: More of `conversation_config`, by section.
        settings: Its `platform_settings`; where it names no overrides, a conversation in writing
            is permitted, which it is not by default.
    """
    told: Json = {"prompt": prompt, "llm": "turnwise-offline", "tools": tools or []}
    sections: Json = {
        "agent": {"first_message": first_message, "language": "en", "prompt": told},
        "tts": {"voice_id": CLEAR_VOICE},
    }
    for name, section in (config or {}).items():
        sections[name] = {**sections.get(name, {}), **section}
    return {
        "name": "acceptance",
        "conversation_config": sections,
        "platform_settings": {"overrides": IN_WRITING, **(settings or {})},
    }


def client_tool(name: str, description: str, *needed: str, **more: object) -> Json:
    """A tool that the client runs."""
    properties = {each: {"type": "string", "description": f"the {each}"} for each in needed}
    return {
        "type": "client",
        "name": name,
        "description": description,
        "expects_response": True,
        "parameters": {"type": "object", "properties": properties, "required": list(needed)},
        **more,
    }


END_CALL: Json = {
    "type": "system",
    "name": "end_call",
    "description": "",
    "params": {"system_tool_type": "end_call"},
}


class House:
    """One server: its process, its folder, its API."""

    def __init__(self, folder: Path, settings: Mapping[str, str] | None = None) -> None:
        """Start it and wait until it is ready.

        Args:
            folder: For its data and its log.
            settings: More variables `TURNWISE_*`, without that beginning.
        """
        self.folder = folder
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.log = folder / "server.log"
        self._settings = dict(settings or {})
        self._http = httpx.Client(base_url=self.url, headers={"xi-api-key": KEY}, timeout=30)
        self._process: subprocess.Popen[bytes] | None = None
        self.start()

    def start(self) -> None:
        """Start the process, on the same port and folder as before."""
        settings = {
            "DATA": str(self.folder / "data"),
            "CHECK_ANSWERS": "true",
            **self._settings,
        }
        environ = {key: value for key, value in os.environ.items() if "TURNWISE" not in key}
        environ |= {f"TURNWISE_{key}": value for key, value in settings.items()}
        command = [sys.executable, "-m", "turnwise", "serve", "--api-key", KEY]
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                [*command, "--port", str(self.port)],
                env=environ,
                cwd=self.folder,
                stdout=log,
                stderr=log,
            )
        wait_until(self.is_ready, f"the start of the server ({self.log})")

    @property
    def pid(self) -> int:
        """Of the process that runs."""
        assert self._process is not None
        return self._process.pid

    def is_ready(self) -> bool:
        assert self._process is not None
        assert self._process.poll() is None, f"the server died:\n{self.log.read_text()}"
        try:
            return self._http.get("/readyz").status_code == 200
        except httpx.TransportError:
            return False

    def kill(self) -> None:
        """End it as the kernel does when memory is short."""
        self._end(signal.SIGKILL)

    def stop(self) -> None:
        """End it as an operator does."""
        self._end(signal.SIGTERM)

    def close(self) -> None:
        """End it, if it runs, and forget it."""
        self.kill()
        self._http.close()

    def _end(self, how: signal.Signals) -> None:
        assert self._process is not None
        self._process.send_signal(how)
        self._process.wait(LIMIT_S)

    def faults(self) -> str:
        """What the log says of faults of the server itself."""
        text = self.log.read_text(errors="replace")
        return text if "Traceback" in text or "a conversation crashed" in text else ""

    # --- its API ------------------------------------------------------------------------------

    def ask(self, path: str, **query: str) -> Json:
        response = self._http.get(path, params=query)
        response.raise_for_status()
        found: Json = response.json()
        return found

    def create(self, document: Json) -> str:
        """Store an agent and return its id."""
        response = self._http.post("/v1/convai/agents/create", json=document)
        assert response.status_code == 200, response.text
        return str(response.json()["agent_id"])

    def sample_agent(self) -> str:
        """The agent that a new server comes with."""
        listed = self.ask("/v1/convai/agents", page_size="100", sort_direction="asc")["agents"]
        return str(next(row["agent_id"] for row in listed if "sample" in row["tags"]))

    def socket_url(self, agent_id: str | None = None) -> str:
        query = f"?agent_id={agent_id}" if agent_id else ""
        return f"ws://127.0.0.1:{self.port}/v1/convai/conversation{query}"

    def conversation(self, conversation_id: str) -> Json:
        return self.ask(f"/v1/convai/conversations/{conversation_id}")

    def ended(self, conversation_id: str) -> Json:
        """The conversation once it is over and stored."""

        def look() -> Json | None:
            found = self.conversation(conversation_id)
            return found if found["status"] in {"done", "failed"} else None

        return wait_until(look, f"the end of {conversation_id}")

    def newest_of(self, agent_id: str) -> Json:
        """The last conversation of an agent, once it is over."""

        def look() -> list[Json] | None:
            rows = self.ask("/v1/convai/conversations", agent_id=agent_id)["conversations"]
            return list(rows) or None

        rows = wait_until(look, f"a conversation of {agent_id}")
        return self.ended(rows[0]["conversation_id"])

    def recording(self, conversation_id: str) -> tuple[int, Sound, Sound]:
        """The rate, the user's leg and the agent's."""
        found = self._http.get(f"/v1/convai/conversations/{conversation_id}/audio")
        found.raise_for_status()
        rate, samples = read_wav(found.content)
        return rate, samples[:, 0].astype("int16"), samples[:, 1].astype("int16")


def said(record: Json, role: str) -> list[str]:
    """What one side said, from the transcript."""
    turns = record["transcript"]
    return [turn["message"] for turn in turns if turn["role"] == role and turn["message"]]
