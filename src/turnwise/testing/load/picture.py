"""A picture of load: how times and costs grow with the calls. Needs the extra `turnwise[bench]`."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from turnwise.base.errors import ConfigError
from turnwise.testing.load.report import Level, Spread

_INK, _FAINT = "#22303c", "#8a97a3"
_COLOURS = ("#8fb8de", "#4a7fb5", "#c8553d")
_OFFSETS = (-0.25, 0.0, 0.25)
_NOTE: dict[str, Any] = {"ha": "center", "va": "bottom", "fontsize": 7, "color": _INK}


def draw(levels: Sequence[Level], path: Path, title: str) -> None:
    """Write a picture: response and interruption times, and the server's CPU, for each level.

    Args:
        levels: What to draw, one or more.
        path: The file; its ending says which format (`.png`, `.svg`, `.pdf`).
        title: The first line of it.

    Raises:
        ConfigError: If matplotlib is missing, or the file cannot be written.
    """
    try:
        from matplotlib.backends.backend_agg import FigureCanvasAgg  # noqa: PLC0415 - an extra
        from matplotlib.figure import Figure  # noqa: PLC0415 - an extra
    except ImportError as error:
        raise ConfigError("a chart needs matplotlib: pip install 'turnwise[bench]'") from error
    figure = Figure(figsize=(12, 4.2), layout="constrained")
    FigureCanvasAgg(figure)
    response, interruption, cost = figure.subplots(1, 3)
    figure.suptitle(title, x=0.01, ha="left", color=_INK, fontsize=12, fontweight="bold")
    _draw_times(response, levels, "End of a turn to the first sound", lambda each: each.response)
    _draw_times(interruption, levels, "Barge-in to interruption", lambda each: each.interruption)
    _draw_cost(cost, levels)
    for axes in (response, interruption, cost):
        axes.spines[["top", "right", "left"]].set_visible(False)
        axes.spines["bottom"].set_color(_FAINT)
        axes.tick_params(colors=_INK, length=0)
        axes.title.set_color(_INK)
        axes.set_xticks(range(len(levels)), [f"{level.calls:,}" for level in levels])
        axes.set_xlabel("calls at once", color=_INK)
        axes.grid(axis="y", color=_FAINT, alpha=0.25, linewidth=0.6)
        axes.set_axisbelow(True)
    try:
        figure.savefig(path, dpi=150)
    except (OSError, ValueError) as error:
        raise ConfigError(f"cannot write the chart {str(path)!r}: {error}") from error


def _draw_times(
    axes: Any,  # noqa: ANN401 - matplotlib is not typed
    levels: Sequence[Level],
    title: str,
    what: Callable[[Level], Spread],
) -> None:
    axes.set_title(f"{title}, ms", loc="left", fontsize=10)
    spreads = [what(level) for level in levels]
    if not any(spread.count for spread in spreads):
        axes.text(0.5, 0.5, "nothing was measured", ha="center", transform=axes.transAxes)
        return
    ranks = [("p50", [s.p50 for s in spreads]), ("p95", [s.p95 for s in spreads])]
    ranks.append(("p99", [s.p99 for s in spreads]))
    for (name, values), colour, offset in zip(ranks, _COLOURS, _OFFSETS, strict=True):
        places = [place + offset for place in range(len(levels))]
        heights = [value or 0 for value in values]
        axes.bar(places, heights, width=0.23, color=colour, label=name)
        for place, height in zip(places, heights, strict=True):
            if height:
                axes.text(place, height, f"{height:,.0f}", **_NOTE)
    axes.set_ylim(0, axes.get_ylim()[1] * 1.15)
    axes.legend(frameon=False, fontsize=8, ncols=3, loc="upper left", labelcolor=_INK)


def _draw_cost(axes: Any, levels: Sequence[Level]) -> None:  # noqa: ANN401 - as above
    axes.set_title("Server: CPU ms per call-second; MB per call", loc="left", fontsize=10)
    known = [(place, level.server) for place, level in enumerate(levels) if level.server]
    if not known:
        axes.text(0.5, 0.5, "the server does not tell", ha="center", transform=axes.transAxes)
        return
    axes.bar(
        [place for place, _ in known],
        [taken.cpu_ms_per_call_s for _, taken in known],
        width=0.5,
        color=_COLOURS[1],
    )
    for place, taken in known:
        note = f"{taken.cpu_ms_per_call_s:.2f} ms\n{taken.memory_mb_per_call:.2f} MB"
        axes.text(place, taken.cpu_ms_per_call_s, note, **_NOTE)
    axes.set_xlim(-0.6, len(levels) - 0.4)
    axes.set_ylim(0, axes.get_ylim()[1] * 1.2)
