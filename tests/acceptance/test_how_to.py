"""The how-to pages for the SDKs: what they show is run."""

import re
import runpy
from pathlib import Path

import pytest

from acceptance.house import KEY, House

pytestmark = pytest.mark.acceptance

PAGE = Path(__file__).parents[2] / "docs" / "how-to" / "python-sdk.md"


def test_the_python_page(
    house: House,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    page = PAGE.read_text(encoding="utf-8")
    [snippet] = re.findall(r"^```python\n(.*?)^```$", page, re.MULTILINE | re.DOTALL)
    [shown] = re.findall(r"^```text\n(.*?)^```$", page, re.MULTILINE | re.DOTALL)
    sample = house.sample_agent()
    script = tmp_path / "snippet.py"
    script.write_text(snippet.replace("conversational_ai.agents.list().agents[0].agent_id", "x"))
    assert "client.x" in script.read_text()
    script.write_text(script.read_text().replace("client.x", repr(sample)))
    monkeypatch.setenv("TURNWISE_KEY", KEY)
    monkeypatch.setenv("TURNWISE_URL", house.url)
    ran = runpy.run_path(str(script))
    ran["client"]._client_wrapper.httpx_client.httpx_client.close()
    printed = capsys.readouterr().out
    assert shown in printed
    assert "reason='user'" in printed
    assert house.ended(ran["conversation_id"])["status"] == "done"
