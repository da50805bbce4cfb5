"""Variables of the environment, from the store to what is said."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from turnwise.gateway.facts import environment_facts
from turnwise.gateway.rehearsal import NoSuchAgent, Rehearsal, rehearsed
from turnwise.runtime.configured import Configured, variable_id
from turnwise.store import Store, open_store

pytestmark = pytest.mark.anyio

Json = dict[str, Any]


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[Store]:
    made = await open_store(f"sqlite:///{tmp_path / 'test.db'}", tmp_path)
    values: Json = {
        "town": {"type": "string", "values": {"production": "Oslo", "staging": "Bergen"}},
        "shop": {"type": "string", "values": {"production": "Harbour"}},
        "key": {"type": "secret", "values": {"production": {"secret_id": "secret_1"}}},
    }
    async with made.writing() as tx:
        for label, document in values.items():
            kind = "environment_variable"
            await tx.records.create(
                kind, {"label": label, **document}, record_id=variable_id(label)
            )
    yield made
    await made.close()


def says(text: str, **config: object) -> Json:
    return {"conversation_config": {"agent": {"prompt": {"prompt": text}}, **config}}


def spoken(label: str) -> str:
    return f"{{{{system__env_{label}}}}}"


async def test_each_environment_has_its_own_and_lacks_those_of_production(store: Store) -> None:
    document = says(f"{spoken('town')} {spoken('shop')} {{{{system_env__town}}}}")
    production = await environment_facts(document, Configured(store=store, vault=None))
    assert production == {"system__env_town": "Oslo", "system__env_shop": "Harbour"}
    staging = Configured(store=store, vault=None, environment="staging")
    assert (await environment_facts(document, staging))["system__env_town"] == "Bergen"


async def test_a_secret_one_is_said_nowhere(store: Store) -> None:
    document = says(f"{spoken('key')} {spoken('gone')}")
    assert await environment_facts(document, Configured(store=store, vault=None)) == {}


@pytest.mark.parametrize(
    "config",
    [
        {"turn": {"soft_timeout_config": {"message": spoken("town")}}},
        {"language_presets": {"es": {"overrides": {"agent": {"first_message": spoken("town")}}}}},
        {"agent": {"first_message": spoken("town")}},
        {"agent": {"max_conversation_duration_message": spoken("town")}},
        {"agent": {"prompt": {"tools": [{"name": "t", "description": spoken("town")}]}}},
    ],
)
async def test_they_are_found_wherever_something_is_said(store: Store, config: Json) -> None:
    configured = Configured(store=store, vault=None)
    found = await environment_facts({"conversation_config": config}, configured)
    assert found == {"system__env_town": "Oslo"}


async def test_a_rehearsal_is_told_what_a_call_would_be(store: Store) -> None:
    config = says(f"We are in {spoken('town')}. The user is {{{{name}}}}.")["conversation_config"]
    config["agent"]["dynamic_variables"] = {"dynamic_variable_placeholders": {"name": "nobody"}}
    async with store.writing() as tx:
        record = await tx.agents.create({"name": "a", "conversation_config": config})

    async def prompt(**rehearsal: Any) -> str:  # noqa: ANN401
        parts = await rehearsed(store, record.agent_id, Rehearsal(**rehearsal))
        return {part.name: part.text for part in parts}["prompt"]

    assert await prompt() == "We are in Oslo. The user is nobody."
    told = await prompt(environment="staging", variables={"name": "Ada"})
    assert told == "We are in Bergen. The user is Ada."
    with pytest.raises(NoSuchAgent):
        await rehearsed(store, "agent_of_nobody", Rehearsal())
