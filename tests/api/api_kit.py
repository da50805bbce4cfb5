"""What the tests of the API share."""

import re
from typing import Any

import httpx
import uvicorn

from turnwise.contract import load

KEY = "sk_of_the_tests"


class Running:
    """A server in another thread."""

    server: uvicorn.Server | None = None

    def stop(self) -> None:
        if self.server is not None:
            self.server.should_exit = True


def conversation(number: int = 1, *, agent: str = "agent_1", **more: object) -> dict[str, Any]:
    return {
        "conversation_id": f"conv_{number}",
        "agent_id": agent,
        "status": "done",
        "metadata": {
            "start_time_unix_secs": 1_700_000_000 + number,
            "call_duration_secs": 12,
            "main_language": "en",
            "feedback": {"rating": 4},
        },
        "transcript": [
            {"role": "agent", "message": "Hello", "time_in_call_secs": 0},
            {
                "role": "user",
                "message": "Bye",
                "time_in_call_secs": 3,
                "new_field": {"kept": None},
                "interrupted": True,
            },
        ],
        "analysis": {"call_successful": "success", "transcript_summary": "They met."},
        "has_audio": True,
        **more,
    }


def operation_of(method: str, path: str) -> str:
    """The operation that a request is for: the one with the most literal path."""
    fits = [
        key
        for key, operation in load().operations.items()
        if operation.method == method
        and re.fullmatch(re.sub(r"{[^}]*}", "[^/]+", operation.path), path)
    ]
    return min(fits, key=lambda key: key.count("{"))


def error_of(response: httpx.Response) -> dict[str, Any]:
    """The published envelope of an error, checked."""
    detail = response.json()["detail"]
    assert set(detail) == {"type", "code", "message", "status", "request_id"}
    assert detail["request_id"] == response.headers["x-trace-id"]
    assert isinstance(detail, dict)
    return detail
