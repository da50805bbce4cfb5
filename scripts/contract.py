"""Write the published REST shapes as package data, or check that they are up to date.

python scripts/contract.py [--check] [--spec FILE]

The source is the OpenAPI document that the official CLI prints (`npx` and a network are needed, or
a saved copy by `--spec`). It is reduced to what a server needs; what the document lacks comes from
`contract_overlay.py`, and operations that only the official Python SDK has from that SDK.
"""

import argparse
import json
import shutil
import subprocess
import sys
import warnings
from collections import Counter
from collections.abc import Iterator
from copy import deepcopy
from pathlib import Path
from typing import Any

import contract_overlay
import contract_sdk
from pydantic.warnings import UnsupportedFieldAttributeWarning

Json = Any
Object = dict[str, Any]

CLI = "@elevenlabs/cli@1.3.0"
DATA = Path(__file__).parent.parent / "src" / "turnwise" / "contract" / "data"
PRIORITIES = Path(__file__).parent / "contract_priorities.json"
"""Which operations matter the most (P0) and much (P1); the rest is P2."""
REF = "#/components/schemas/"
METHODS = ("get", "post", "put", "patch", "delete")

PRODUCTS = (
    "/v1/convai/",
    "/v1/models",
    "/v1/pronunciation-dictionaries",
    "/v1/shared-voices",
    "/v1/single-use-token/",
    "/v1/speech-to-text",
    "/v1/text-to-speech/",
    "/v1/user",
    "/v1/voices",
    "/v1/workspace",
    "/v2/voices",
)
"""Where the paths of the agents platform and of its neighbours begin."""

PROSE = {"description", "example", "examples", "title", "summary", "optional"}
KEPT_EXTENSIONS = {"x-convai-client-override"}


def published() -> Object:
    """Return the whole document, from the official CLI."""
    command = [shutil.which("npx") or "npx", "-y", CLI, "--spec-raw"]
    asked = subprocess.run(command, check=True, capture_output=True, text=True)
    document: Object = json.loads(asked.stdout)
    return document


def reduced(schema: Json) -> Json:
    """Return a schema without prose."""
    if isinstance(schema, list):
        return [reduced(part) for part in schema]
    if not isinstance(schema, dict):
        return schema
    kept: Object = {}
    for key, value in schema.items():
        if key in PROSE or (key.startswith("x-") and key not in KEPT_EXTENSIONS):
            continue
        if key == "properties":
            kept[key] = {name: reduced(part) for name, part in value.items()}
        elif key in {"default", "enum", "const", "mapping", "required"}:
            kept[key] = value
        else:
            kept[key] = reduced(value)
    return kept


def operation(key: str, found: Object, priorities: dict[str, str]) -> Object:
    """Return one operation as it is kept."""
    kept: Object = {"id": found["operationId"], "priority": priorities.get(key, "P2")}
    if found.get("deprecated"):
        kept["deprecated"] = True
    kept["parameters"] = [
        {
            "name": parameter["name"],
            "place": parameter["in"],
            "required": parameter.get("required", False),
            "schema": reduced(parameter["schema"]),
        }
        for parameter in found.get("parameters", [])
        if parameter["name"] != "xi-api-key"
    ]
    if body := found.get("requestBody"):
        kept["body"] = {"required": body.get("required", False), **content(body)}
    status, answer = min(
        (int(status), answer)
        for status, answer in found["responses"].items()
        if status.startswith("2")
    )
    kept["answer"] = {"status": status, **content(answer)}
    return kept


def content(described: Object) -> Object:
    """Return media type and schema of a body or an answer; empty if it has none."""
    for media, part in (described.get("content") or {}).items():
        return {"media": media, "schema": reduced(part.get("schema", {}))}
    return {}


def references(schema: Json) -> Iterator[str]:
    """Yield the names of the shapes that a schema refers to."""
    if isinstance(schema, dict):
        if isinstance(name := schema.get("$ref"), str):
            yield name.removeprefix(REF)
        for value in schema.values():
            yield from references(value)
    elif isinstance(schema, list):
        for value in schema:
            yield from references(value)


def reachable(start: Json, shapes: Object) -> set[str]:
    """Return the names of all shapes that are needed to read `start`."""
    found: set[str] = set()
    left = set(references(start))
    while left:
        name = left.pop()
        found.add(name)
        left |= set(references(shapes[name])) - found
    return found


def resource(path: str) -> str:
    """Return the file that a path belongs to: its first word that is not a product or a version."""
    words = [word.replace("_", "-") for word in path.split("/") if word]
    words = words[2:] if words[1] == "convai" else words[1:]
    word = words[1] if words[0] == "v2" else words[0]
    singular = {"agent": "agents", "conversation": "conversations", "workspaces": "workspace"}
    return singular.get(word, word)


def merged(base: Json, change: Json) -> Json:
    """Return a JSON merge patch (RFC 7386) applied."""
    if not isinstance(change, dict) or not isinstance(base, dict):
        return change
    result = {key: value for key, value in base.items() if change.get(key, "") is not None}
    for key, value in change.items():
        if value is not None:
            result[key] = merged(result.get(key, {}), value)
    return result


def contract(document: Object) -> tuple[Object, Object]:
    """Return all operations by key, and all shapes by name."""
    named = json.loads(PRIORITIES.read_text(encoding="utf-8"))
    priorities = {key: name for name, keys in named.items() for key in keys}
    operations = {
        f"{method.upper()} {path}": operation(f"{method.upper()} {path}", item[method], priorities)
        for path, item in document["paths"].items()
        if path.startswith(PRODUCTS)
        for method in METHODS
        if method in item
    }
    shapes = document["components"]["schemas"]
    for name, other in contract_overlay.SAME_AS.items():
        shapes.setdefault(name, deepcopy(shapes[other]))
    add_from_sdk(operations, shapes, priorities)
    shapes = {name: reduced(part) for name, part in shapes.items()}
    for name, change in contract_overlay.SHAPES.items():
        shapes[name] = merged(shapes[name], change)
    for key, other in contract_overlay.ALIASES.items():
        operations.setdefault(key, {**operations[other], "deprecated": True})
    for key, found in contract_overlay.OPERATIONS.items():
        operations.setdefault(key, found)
    return operations, shapes


def add_from_sdk(operations: Object, shapes: Object, priorities: dict[str, str]) -> None:
    """Add what only the SDK has: values, fields, parameters, and operations that matter."""
    methods = contract_sdk.methods()
    for name, values in list(contract_sdk.enum_values(shapes)):
        shapes[name] = {**shapes[name], "enum": values}
    contract_sdk.more_fields(shapes, operations, methods)
    for key, method in methods.items():
        if key in operations:
            more = contract_sdk.more_parameters(operations[key], method, shapes)
            operations[key]["parameters"] += [reduced(part) for part in more]
        elif key in priorities:
            found = contract_sdk.operation(method, shapes)
            operations[key] = reduced({**found, "priority": priorities[key]})


def split(operations: Object, shapes: Object) -> dict[str, Object]:
    """Return what each file holds; shapes that several resources use are `shared`."""
    files: dict[str, Object] = {}
    for key, found in sorted(operations.items()):
        name = resource(key.split()[1])
        files.setdefault(name, {"operations": {}, "shapes": {}})["operations"][key] = found
    needs = {name: reachable(part["operations"], shapes) for name, part in files.items()}
    users = Counter(shape for names in needs.values() for shape in names)
    files["shared"] = {"operations": {}, "shapes": {}}
    for name, wanted in needs.items():
        for shape in sorted(wanted):
            owner = name if users[shape] == 1 else "shared"
            files[owner]["shapes"][shape] = shapes[shape]
    files["shared"]["shapes"] = dict(sorted(files["shared"]["shapes"].items()))
    return files


def written(part: Object) -> str:
    """Return a file's text: one line for each operation and shape, so that changes read well."""
    blocks = []
    for title, entries in part.items():
        lines = ",\n".join(
            f"{json.dumps(key)}: {json.dumps(value, ensure_ascii=False, separators=(',', ':'))}"
            for key, value in entries.items()
        )
        blocks.append(f'"{title}": {{\n{lines}\n}}' if lines else f'"{title}": {{}}')
    return "{\n" + ",\n".join(blocks) + "\n}\n"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="only say which files differ")
    parser.add_argument("--spec", type=Path, help="a saved copy of the published document")
    arguments = parser.parse_args()
    warnings.simplefilter("ignore", UnsupportedFieldAttributeWarning)  # of the SDK's types
    document = json.loads(arguments.spec.read_text()) if arguments.spec else published()
    texts = {f"{name}.json": written(part) for name, part in split(*contract(document)).items()}
    present = {path.name: path.read_text(encoding="utf-8") for path in DATA.glob("*.json")}
    changed = sorted(
        name for name in texts.keys() | present.keys() if texts.get(name) != present.get(name)
    )
    if arguments.check:
        print("\n".join(f"differs: {name}" for name in changed) or "up to date")
        return 1 if changed else 0
    for name in changed:
        if name in texts:
            (DATA / name).write_text(texts[name], encoding="utf-8")
        else:
            (DATA / name).unlink()
    return 0


if __name__ == "__main__":
    sys.exit(main())
