"""`/openapi.json` and `/docs`: what is served, for machines and for people. They need no key."""

from collections.abc import Awaitable, Callable, Collection, Mapping
from functools import cache
from html import escape
from itertools import groupby

from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.routing import Route

from turnwise import __version__
from turnwise.contract import Contract, Operation, load
from turnwise.contract.openapi import document

_PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Turnwise REST API</title>
<style>
:root {{ color-scheme: light dark; --dim: light-dark(#57606a, #9aa4af); }}
body {{ font: 16px/1.5 system-ui, sans-serif; max-width: 60rem; }}
body {{ margin: 2rem auto; padding: 0 1rem; }}
summary {{ cursor: pointer; padding: .25rem 0; overflow-wrap: anywhere; }}
summary code {{ font-size: .95rem; }}
.dim {{ color: var(--dim); }}
table {{ border-collapse: collapse; margin: .25rem 0 1rem 1rem; }}
td, th {{ text-align: left; vertical-align: top; }}
td, th {{ padding: .1rem 1rem .1rem 0; font-weight: normal; }}
th[scope=col] {{ color: var(--dim); }}
</style>
</head>
<body>
<main>
<h1>Turnwise REST API</h1>
<p>{served} of {known} published operations are served; the others answer 501 and say so.
The same for machines: <a href="openapi.json">openapi.json</a>.
Send an API key in the header <code>xi-api-key</code>.</p>
{sections}
</main>
</body>
</html>
"""


def routes(served: Mapping[str, str]) -> list[Route]:
    """Return the two pages.

    Args:
        served: The sentence of each operation that is served, by its name in the contract.
    """
    return [
        Route("/openapi.json", _endpoint(lambda: JSONResponse(_openapi(frozenset(served))))),
        Route("/docs", _endpoint(lambda: HTMLResponse(_docs(load(), served)))),
    ]


def _endpoint(make: Callable[[], Response]) -> Callable[[Request], Awaitable[Response]]:
    made = cache(make)

    async def endpoint(_request: Request) -> Response:
        return made()

    return endpoint


def _openapi(served: Collection[str]) -> dict[str, object]:
    return document(load(), served, title="Turnwise", version=__version__)


def _docs(contract: Contract, served: Mapping[str, str]) -> str:
    operations = sorted(
        (contract.operations[key] for key in served), key=lambda each: (each.resource, each.path)
    )
    sections = [
        f"<h2>{escape(resource)}</h2>\n"
        + "\n".join(_section(each, served[each.key]) for each in of)
        for resource, of in groupby(operations, key=lambda each: each.resource)
    ]
    return _PAGE.format(
        served=len(served), known=len(contract.operations), sections="\n".join(sections)
    )


def _section(operation: Operation, sentence: str) -> str:
    head = f"<code>{escape(operation.key)}</code> <span class=dim>{escape(sentence)}</span>"
    rows = [
        _row(parameter.name, parameter.place, parameter.required, parameter.shape.schema)
        for parameter in operation.parameters
    ]
    if operation.body is not None:
        rows.append(_row("body", operation.body_media or "", operation.body_required, {}))
    if not rows:
        return f"<details><summary>{head}</summary><p class=dim>It takes nothing.</p></details>"
    table = (
        "<table><tr><th scope=col>name</th><th scope=col>in</th><th scope=col>needed</th>"
        f"<th scope=col>default</th></tr>{''.join(rows)}</table>"
    )
    return f"<details><summary>{head}</summary>{table}</details>"


def _row(name: str, place: str, needed: object, schema: Mapping[str, object]) -> str:
    default = schema.get("default")
    shown = "" if default is None else str(default)
    cells = (place, "yes" if needed else "", shown)
    return (
        f"<tr><th scope=row><code>{escape(name)}</code></th>"
        + "".join(f"<td>{escape(cell)}</td>" for cell in cells)
        + "</tr>"
    )
