"""Write the generated pages under docs/reference, or check that they are up to date.

python scripts/reference.py [--check]
"""

import argparse
import ast
import inspect
import sys
import textwrap
from dataclasses import fields, is_dataclass
from enum import Enum
from itertools import pairwise
from pathlib import Path
from typing import Any, get_args, get_type_hints

from turnwise.providers import registry
from turnwise.providers.model_files import ModelFiles
from turnwise.turns import commands, events, policy, transcript
from turnwise.turns.rules import RULES

REFERENCE = Path(__file__).parent.parent / "docs" / "reference"
SPEECH_ENGINES = "../how-to/speech-engines.md"
TABLE_BEGIN, TABLE_END = "<!-- table, written by `make docs` -->\n", "<!-- end of table -->\n"
NOTE = "<!-- written by `make docs`; do not edit -->\n"


def field_docs(cls: type) -> dict[str, str]:
    """Return the string literals under the fields of a class, by field."""
    tree = ast.parse(textwrap.dedent(inspect.getsource(cls)))
    body = tree.body[0].body if isinstance(tree.body[0], ast.ClassDef) else []
    docs: dict[str, str] = {}
    for before, after in pairwise(body):
        match before, after:
            case ast.AnnAssign(target=ast.Name(id=name)), ast.Expr(value=ast.Constant(value=text)):
                docs[name] = " ".join(str(text).split())
            case _:
                pass
    return docs


def rules_page() -> str:
    rows = "\n".join(
        f"| {number} | {rule.name} | {rule.sentence} |" for number, rule in enumerate(RULES, 1)
    )
    return (
        f"{NOTE}# Rules\n\n"
        "Everything the agent does without being asked, the most urgent first. A rule that is due\n"
        "acts; then all are looked at again, until none is due. They live in "
        "`src/turnwise/turns/rules`.\n\n"
        f"| | rule | when, and what |\n|---|---|---|\n{rows}\n"
    )


def default_text(value: object) -> str:
    if isinstance(value, Enum):
        return f"`{value.value}`"
    if value is None:
        return "off"
    return f"`{value}`"


def policy_page() -> str:
    parts = [
        policy.Policy,
        policy.Endpointing,
        policy.Interruption,
        policy.Waiting,
        policy.Fillers,
        policy.Guards,
        policy.ToolManners,
    ]
    page = f"{NOTE}# Policy\n\nThe manners of an agent. Times are milliseconds.\n"
    for part in parts:
        docs = field_docs(part)
        sample: Any = part(name="tool") if part is policy.ToolManners else part()
        page += f"\n## {part.__name__}\n\n{part.__doc__}\n\n"
        page += "| field | default | meaning |\n|---|---|---|\n"
        for field in fields(part):
            value = getattr(sample, field.name)
            shown = "see below" if is_dataclass(value) else default_text(value)
            page += f"| `{field.name}` | {shown} | {docs.get(field.name, '')} |\n"
    return page


def classes_page(title: str, intro: str, union: object) -> str:
    page = f"{NOTE}# {title}\n\n{intro}\n"
    for cls in get_args(union):
        docs = field_docs(cls)
        page += f"\n## {cls.__name__}\n\n{' '.join((cls.__doc__ or '').split())}\n"
        hints = get_type_hints(cls)
        if fields(cls):
            page += "\n| field | type | meaning |\n|---|---|---|\n"
        for field in fields(cls):
            kind = getattr(hints[field.name], "__name__", str(hints[field.name]))
            kind = kind.replace("turnwise.turns.events.", "").replace("turnwise.turns.policy.", "")
            page += (
                f"| `{field.name}` | `{kind.replace('|', 'or')}` | {docs.get(field.name, '')} |\n"
            )
    return page


def how_to_get(full_name: str, model: ModelFiles | None) -> str:
    if model is None:
        return "needs none, or comes with the package"
    return f"`turnwise download {full_name}`: {model.name}, {model.megabytes} MB"


def speech_engines_page() -> str:
    """The page as it stands, with the table between its marks written again."""
    table = "| engine | what it is | quality | licence | package | model | choose it |\n"
    table += "|---|---|---|---|---|---|---|\n"
    for kind in ("stt", "tts", "vad"):
        for each in registry.available(kind):
            spec = each.spec
            if each.full_name not in registry.BUILT_IN or spec is None or spec.quality == "double":
                continue
            package = f"`pip install 'turnwise[{spec.extra}]'`" if spec.extra else "none"
            model = (
                "the service has it" if spec.needs_key else how_to_get(each.full_name, spec.model)
            )
            table += (
                f"| `{each.full_name}` | {spec.sentence} | {spec.quality} | {spec.licence} | "
                f"{package} | {model} | `TURNWISE_{kind.upper()}={spec.name}` |\n"
            )
    text = (REFERENCE / SPEECH_ENGINES).read_text(encoding="utf-8")
    before, _, rest = text.partition(TABLE_BEGIN)
    return f"{before}{TABLE_BEGIN}{table}{TABLE_END}{rest.partition(TABLE_END)[2]}"


def pages() -> dict[str, str]:
    return {
        SPEECH_ENGINES: speech_engines_page(),
        "rules.md": rules_page(),
        "policy.md": policy_page(),
        "events.md": classes_page("Events", "What happened: facts for the engine.", events.Event),
        "commands.md": classes_page(
            "Commands", "What to do about it: orders of the engine.", commands.Command
        ),
        "transcript.md": classes_page(
            "Transcript", "What both sides agree was said and done.", transcript.Entry
        ),
    }


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="change nothing; exit 1 if stale")
    check = parser.parse_args().check
    stale = []
    for name, text in pages().items():
        path = REFERENCE / name
        if not path.exists() or path.read_text(encoding="utf-8") != text:
            stale.append(name)
            if not check:
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text(text, encoding="utf-8")
    if stale and check:
        print(f"out of date: {', '.join(stale)}; run `make docs`")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
