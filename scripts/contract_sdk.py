"""What the official Python SDK knows that the published document lacks.

The SDK is younger: it has operations and enum values more. Their shapes come from its types.
"""

import ast
import importlib
import inspect
import pkgutil
import re
import textwrap
import typing
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from typing import Any

import elevenlabs.types
from pydantic import BaseModel, TypeAdapter
from typing_extensions import TypeIs

Object = dict[str, Any]
REF = "#/components/schemas/"
NOT_SENT = {"self", "request_options"}


def _bare(name: str) -> str:
    """Return a name without its spelling: the SDK writes `OutputX` where the document has `X`."""
    return re.sub("[^a-z0-9]", "", name.lower())


_MODELS = {_bare(name): getattr(elevenlabs.types, name) for name in elevenlabs.types.__all__}


@dataclass(frozen=True)
class Method:
    """One method of the SDK and the request it makes."""

    function: Callable[..., Any]
    """The method, of a class that gives raw answers."""
    key: str
    """`GET /v1/convai/agents/{agent_id}`."""
    query: frozenset[str]
    """Its arguments that go into the query."""

    @property
    def hints(self) -> Object:
        """The types of its arguments and answer."""
        return typing.get_type_hints(self.function, include_extras=True)

    @property
    def arguments(self) -> dict[str, inspect.Parameter]:
        """Its arguments outside the path, by name."""
        return {
            part.name: part
            for part in inspect.signature(self.function).parameters.values()
            if part.name not in NOT_SENT and f"{{{part.name}}}" not in self.key
        }


def methods() -> dict[str, Method]:
    """Return the SDK's method of every operation by its key."""
    found: dict[str, Method] = {}
    for module in pkgutil.walk_packages(elevenlabs.__path__, "elevenlabs."):
        if not module.name.endswith(".raw_client"):
            continue
        for name, part in inspect.getmembers(importlib.import_module(module.name), inspect.isclass):
            if name.startswith("Raw") and name.endswith("Client"):
                for function in filter(inspect.isfunction, vars(part).values()):
                    found |= {method.key: method for method in _requests(function)}
    return found


def _requests(function: Callable[..., Any]) -> Iterator[Method]:
    for call in ast.walk(ast.parse(textwrap.dedent(inspect.getsource(function)))):
        if not isinstance(call, ast.Call) or not call.args:
            continue
        given = {part.arg: part.value for part in call.keywords}
        verb = given.get("method")
        if isinstance(verb, ast.Constant) and isinstance(verb.value, str):
            written = ast.unparse(call.args[0]).lstrip("f")[1:-1]
            path = re.sub(r"{\w+\((\w+)\)}", r"{\1}", written).lstrip("/")
            asked = given.get("params")
            names = asked.keys if isinstance(asked, ast.Dict) else []
            query = frozenset(str(name.value) for name in names if isinstance(name, ast.Constant))
            yield Method(function, f"{verb.value} /{path}", query)


def operation(method: Method, shapes: Object) -> Object:
    """Return an operation in the form of the package's data; shapes that it needs are added."""
    verb, path = method.key.split()
    words = re.sub(r"[^a-z0-9]+", "_", path).strip("_")
    arguments = {name: part for name, part in method.arguments.items() if name not in method.query}
    found: Object = {
        "id": f"{verb.lower()}_{words}",
        "parameters": [
            {"name": name, "place": "path", "required": True, "schema": {"type": "string"}}
            for name in re.findall(r"{(\w+)}", path)
        ],
    }
    found["parameters"] += more_parameters(found, method, shapes)
    if arguments:
        body = _body(arguments, method.hints, shapes)
        found["body"] = {"required": True, "media": "application/json", "schema": body}
    found["answer"] = _answer(method.hints["return"], shapes)
    return found


def more_parameters(present: Object, method: Method, shapes: Object) -> list[Object]:
    """Return the query parameters that an operation has in the SDK only."""
    named = {part["name"] for part in present["parameters"]}
    return [
        {
            "name": name,
            "place": "query",
            "required": part.default is inspect.Parameter.empty,
            "schema": _query(name, method.hints[name], shapes),
        }
        for name, part in method.arguments.items()
        if name in method.query and name not in named
    ]


def more_fields(shapes: Object, operations: Object, known: dict[str, Method]) -> None:
    """Add to the published shapes the fields and the members of unions that only the SDK has."""
    for name in list(shapes):
        if kind := _model(name) or _model(re.sub(r"-(In|Out)put$", "", name)):
            _extend(shapes, shapes[name], kind)
    for key, method in known.items():
        if key not in operations:
            continue
        body, answer = (operations[key].get(part, {}).get("schema") for part in ("body", "answer"))
        if body and "request" in method.arguments:
            _more_members(body, schema_of(method.hints["request"], shapes))
        elif body and (shape := _named(body, shapes)):
            hints = method.hints
            sent = [name for name in method.arguments if name not in method.query]
            plain_ones = [name for name in sent if "IO[bytes]" not in str(hints[name])]
            _add(shape, {name: schema_of(hints[name], shapes) for name in plain_ones}, ())
        kinds = typing.get_args(method.hints["return"])
        kind = kinds[0] if kinds and _is_model(kinds[0]) else None
        if kind and answer and (shape := _named(answer, shapes)):
            _extend(shapes, shape, kind)


def _model(name: str) -> type[BaseModel] | None:
    kind = _MODELS.get(_bare(name))
    return kind if _is_model(kind) else None


def _is_model(kind: Any) -> TypeIs[type[BaseModel]]:  # noqa: ANN401  # any type
    return inspect.isclass(kind) and issubclass(kind, BaseModel)


def _named(schema: Object, shapes: Object) -> Object | None:
    name = schema.get("$ref", "").removeprefix(REF)
    return shapes[name] if "properties" in shapes.get(name, {}) else None


def _extend(shapes: Object, shape: Object, kind: type[BaseModel]) -> None:
    theirs = _taken(kind.model_json_schema(ref_template=REF + "{model}"), shapes)
    if "properties" in shape and "properties" in theirs:
        _add(shape, theirs["properties"], theirs.get("required", ()))


def _add(shape: Object, fields: Object, required: Collection[str]) -> None:
    present = shape.setdefault("properties", {})
    for name, schema in fields.items():
        if name in present:
            _more_members(present[name], schema)
            continue
        present[name] = schema
        if name in required:
            shape["required"] = [*shape.get("required", ()), name]


def _more_members(ours: Object, theirs: Object) -> None:
    """Add the members of tagged unions, however deep, that only the second schema has."""
    match ours, theirs:
        case {"discriminator": {"mapping": mapping}}, {"discriminator": {"mapping": other}}:
            for tag in [tag for tag in other if tag not in mapping]:
                mapping[tag] = other[tag]
                ours["oneOf"].append({"$ref": other[tag]})
        case {"items": dict() as inner}, {"items": dict() as other}:
            _more_members(inner, other)
        case {"additionalProperties": dict() as inner}, {"additionalProperties": dict() as other}:
            _more_members(inner, other)
        case {"anyOf": [*members]}, _:
            for member in theirs.get("anyOf", [theirs]):
                for own in members:
                    _more_members(own, member)
        case _, {"anyOf": [*members]}:
            for member in members:
                _more_members(ours, member)
        case _:
            pass


def enum_values(shapes: Object) -> Iterator[tuple[str, list[str]]]:
    """Yield each published enum that the SDK has more values of, with all of them."""
    for name, shape in shapes.items():
        kind = _MODELS.get(_bare(name))
        if "enum" not in shape or kind is None:
            continue
        theirs = schema_of(kind, {}).get("enum", [])
        if more := [value for value in theirs if value not in shape["enum"]]:
            yield name, [*shape["enum"], *more]


def schema_of(annotation: Any, shapes: Object) -> Object:  # noqa: ANN401  # any type
    """Return the JSON Schema of one of the SDK's types; the shapes it needs are added.

    A shape that the document has keeps the document's name and form.
    """
    in_a_list = TypeAdapter(list[annotation])  # alone, a model would lose its name
    found: Object = _taken(in_a_list.json_schema(ref_template=REF + "{model}"), shapes)["items"]
    return found


def _taken(made: Object, shapes: Object) -> Object:
    """Return what pydantic made of a type, and take over the definitions that are new."""
    definitions = made.pop("$defs", {})
    published = {_bare(name): name for name in shapes} | _same(definitions, shapes)
    new = {name: part for name, part in definitions.items() if _bare(name) not in published}
    names = {REF + name: REF + published.get(_bare(name), name) for name in definitions}
    shapes.update(_renamed(new, names))
    for name in new:
        shapes[name] = plain(shapes[name], shapes)
    found: Object = plain(_renamed(made, names), shapes)
    return found


def _same(definitions: Object, shapes: Object) -> dict[str, str]:
    """Return the published names of the SDK's members of unions, by their bare names.

    The SDK calls such a member after its union; a published shape with the same tag and the same
    fields is the same thing.
    """
    known: dict[Any, str] = {}
    for name, shape in shapes.items():
        if mark := _mark(shape):
            known |= {(side, mark): name for side in _sides(name)}
    found = {}
    for name, part in definitions.items():
        same = {known.get((side, _mark(part))) for side in _sides(name)}
        if "_" in name and len(same) == 1 and (other := same.pop()):
            found[_bare(name)] = other
    return found


def _mark(shape: Object) -> tuple[Any, ...] | None:
    fields = shape.get("properties", {})
    tags = sorted((name, part["const"]) for name, part in fields.items() if "const" in part)
    needed = set(shape.get("required", ())) - dict(tags).keys()
    return (*tags, *sorted(fields), *sorted(needed)) if tags else None


def _sides(name: str) -> set[str]:
    if re.search(r"Input(_|$)|Request", name):
        return {"in"}
    return {"out"} if re.search(r"Output(_|$)|Response", name) else {"in", "out"}


def _renamed(schema: Any, names: dict[str, str]) -> Any:  # noqa: ANN401  # any JSON
    if isinstance(schema, dict):
        return {key: _renamed(part, names) for key, part in schema.items()}
    if isinstance(schema, list):
        return [_renamed(part, names) for part in schema]
    return names.get(schema, schema) if isinstance(schema, str) else schema


def plain(schema: Any, shapes: Object) -> Any:  # noqa: ANN401  # any JSON
    """Return a schema as the published document writes it."""
    if isinstance(schema, list):
        return [plain(part, shapes) for part in schema]
    if not isinstance(schema, dict):
        return schema
    result = {
        key: {name: plain(part, shapes) for name, part in value.items()}
        if key == "properties"
        else plain(value, shapes)
        for key, value in schema.items()
        if (key, value) not in (("default", None), ("additionalProperties", True))
        or ("properties" not in schema and key == "additionalProperties")
    }
    members = result.get("anyOf", [])
    if {} in members:  # an open enum: a known value, or any
        closed = [member for member in members if member]
        return closed[0] if len(closed) == 1 else {**result, "anyOf": closed}
    return _tagged(result, shapes)


def _tagged(schema: Object, shapes: Object) -> Object:
    refs = [part["$ref"] for part in schema.get("anyOf", []) if "$ref" in part]
    rest = [part for part in schema.get("anyOf", []) if "$ref" not in part]
    if len(refs) < 2 or any(part != {"type": "null"} for part in rest):
        return schema
    properties = [shapes[ref.removeprefix(REF)].get("properties", {}) for ref in refs]
    for name, part in properties[0].items():
        tags = [other.get(name, {}).get("const") for other in properties]
        if "const" in part and None not in tags and len(set(tags)) == len(tags):
            union = {
                "oneOf": [{"$ref": ref} for ref in refs],
                "discriminator": {
                    "propertyName": name,
                    "mapping": dict(zip(tags, refs, strict=True)),
                },
            }
            return {"anyOf": [union, *rest]} if rest else union
    return schema


def _body(parameters: dict[str, inspect.Parameter], hints: Object, shapes: Object) -> Object:
    if list(parameters) == ["request"]:
        return schema_of(hints["request"], shapes)
    required = [name for name, part in parameters.items() if part.default is part.empty]
    properties = {name: schema_of(hints[name], shapes) for name in parameters}
    return {"type": "object", "properties": properties, "required": required}


def _query(name: str, annotation: Any, shapes: Object) -> Object:  # noqa: ANN401  # any type
    if name == "page_size":  # its bounds are the same everywhere, and no type tells them
        return {"type": "integer", "default": 30, "minimum": 1, "maximum": 100}
    schema = schema_of(annotation, shapes)
    for member in schema.get("anyOf", []):  # one or several: in a query, a list of one
        if member.get("type") == "array":
            nothing = [part for part in schema["anyOf"] if part == {"type": "null"}]
            return {"anyOf": [member, *nothing]} if nothing else dict(member)
    return schema


def _answer(annotation: Any, shapes: Object) -> Object:  # noqa: ANN401  # any type
    streams = typing.get_origin(annotation) is not None and "Iterator" in str(annotation)
    if streams:
        return {"status": 200, "media": "application/octet-stream", "schema": {}}
    (kind,) = typing.get_args(annotation)
    if kind is type(None):
        return {"status": 204}
    return {"status": 200, "media": "application/json", "schema": schema_of(kind, shapes)}
