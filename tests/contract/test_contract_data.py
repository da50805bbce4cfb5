"""The package's data are whole: every name leads somewhere and every shape can be used."""

import subprocess
import sys
from collections import Counter
from importlib.resources import files

import pytest

from turnwise.contract import Operation, load
from turnwise.contract.compiling import Compiler, Tolerance
from turnwise.contract.shapes import needed

CONTRACT = load()
DATA = files("turnwise.contract") / "data"


def test_importing_the_package_reads_nothing() -> None:
    code = (
        "import sys, turnwise.contract as contract;"
        "from turnwise.contract.catalogue import load;"
        "assert load.cache_info().currsize == 0"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_the_contract_is_read_once() -> None:
    assert load() is CONTRACT


def test_every_reference_leads_to_a_shape() -> None:
    everything = [dict(CONTRACT.shapes)]
    everything += [
        {"body": part.body.schema if part.body else {}, "answer": part.answer.schema}
        for part in CONTRACT.operations.values()
        if part.answer
    ]
    assert needed(everything, CONTRACT.shapes).keys() <= CONTRACT.shapes.keys()


def test_every_tag_of_a_union_names_one_of_its_members() -> None:
    left: list[object] = list(CONTRACT.shapes.values())
    while left:
        match left.pop():
            case {"discriminator": {"mapping": mapping}, "oneOf": members}:
                assert {member["$ref"] for member in members} == set(mapping.values())
            case dict() as part:
                left += part.values()
            case list() as parts:
                left += parts
            case _:
                pass


@pytest.mark.parametrize("tolerance", Tolerance)
def test_every_shape_becomes_a_validator(tolerance: Tolerance) -> None:
    for schema in CONTRACT.shapes.values():
        Compiler(CONTRACT.shapes, tolerance).compiled(schema)


def test_every_parameter_becomes_a_validator() -> None:
    for operation in CONTRACT.operations.values():
        for parameter in operation.parameters:
            parameter.shape.filled(None)


def test_every_priority_of_the_published_api_is_there() -> None:
    found = Counter(operation.priority for operation in CONTRACT.operations.values())
    assert found["P0"] == 108 + 5  # a former path, and the integrations: the SDK has them not
    assert found["P1"] == 116


def test_path_parameters_are_those_of_the_path() -> None:
    for operation in CONTRACT.operations.values():
        named = {part.name for part in operation.parameters if part.place == "path"}
        assert named == {word[1:-1] for word in operation.path.split("/") if word[:1] == "{"}


def test_operation_names_differ() -> None:
    names = Counter(operation.operation_id for operation in CONTRACT.operations.values())
    assert [name for name, times in names.items() if times > 1] == ["get_conversation_signed_link"]


def test_the_data_are_small() -> None:
    assert sum(len(file.read_bytes()) for file in DATA.iterdir()) < 1_000_000


@pytest.mark.parametrize(
    ("key", "status", "media"),
    [
        ("POST /v1/convai/agents/create", 200, "application/json"),
        ("DELETE /v1/convai/secrets/{secret_id}", 204, None),
        ("GET /v1/convai/conversations/{conversation_id}/audio", 200, "audio/mpeg"),
        ("POST /v1/convai/test-invocations/{test_invocation_id}/cancel", 204, None),
    ],
)
def test_an_operation_says_how_it_succeeds(key: str, status: int, media: str | None) -> None:
    operation: Operation = CONTRACT.operations[key]
    assert (operation.status, operation.answer_media) == (status, media)


def test_a_shape_of_no_name_is_a_mistake() -> None:
    with pytest.raises(KeyError):
        CONTRACT.shape("Nothing")
