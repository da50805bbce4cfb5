"""A picture of a simulation's report. Needs matplotlib: the extra `turnwise[plot]`."""

from pathlib import Path
from typing import Any

from turnwise.base.errors import ConfigError
from turnwise.testing.simulation import Report

_INK, _FAINT, _BARS, _MARKS = "#22303c", "#8a97a3", "#8fb8de", "#c8553d"
_BIN_MS = 50


def draw(report: Report, path: Path, title: str) -> None:
    """Write a picture: how response times are spread, and how often something goes wrong.

    Args:
        report: What to draw.
        path: The file; its ending says which format (`.png`, `.svg`, `.pdf`).
        title: The first line of it.

    Raises:
        ConfigError: If matplotlib is missing, or the file cannot be written.
    """
    try:
        from matplotlib.backends.backend_agg import FigureCanvasAgg  # noqa: PLC0415 - an extra
        from matplotlib.figure import Figure  # noqa: PLC0415 - an extra
    except ImportError as error:
        raise ConfigError("a chart needs matplotlib: pip install 'turnwise[plot]'") from error
    figure = Figure(figsize=(10, 4.2), layout="constrained")
    FigureCanvasAgg(figure)
    times, errors = figure.subplots(1, 2, width_ratios=(2.2, 1))
    figure.suptitle(title, x=0.01, ha="left", color=_INK, fontsize=12, fontweight="bold")
    _draw_times(times, report)
    _draw_errors(errors, report)
    for axes in (times, errors):
        axes.spines[["top", "right", "left"]].set_visible(False)
        axes.spines["bottom"].set_color(_FAINT)
        axes.tick_params(colors=_INK, length=0)
        axes.title.set_color(_INK)
    try:
        figure.savefig(path, dpi=150)
    except (OSError, ValueError) as error:
        raise ConfigError(f"cannot write the chart {str(path)!r}: {error}") from error


def _draw_times(axes: Any, report: Report) -> None:  # noqa: ANN401 - matplotlib is not typed
    axes.set_title("Response time: end of the turn to the first sound", loc="left", fontsize=10)
    if not report.responses_ms:
        axes.text(0.5, 0.5, "no turn was answered", ha="center", transform=axes.transAxes)
        return
    spread = report.response
    top = max(_BIN_MS, int((spread.p99 or 0) * 1.25))
    shown = [min(ms, top) for ms in report.responses_ms]
    bins = range(0, top + 2 * _BIN_MS, _BIN_MS)
    axes.hist(shown, bins=bins, color=_BARS, edgecolor="white", linewidth=0.5)
    axes.set_xlim(0, top + _BIN_MS)
    axes.set_ylim(0, axes.get_ylim()[1] * 1.2)
    axes.set_xlabel("milliseconds", color=_INK)
    axes.set_ylabel("turns", color=_INK)
    axes.xaxis.set_major_formatter("{x:,.0f}")
    axes.yaxis.set_major_formatter("{x:,.0f}")
    axes.grid(axis="y", color=_FAINT, alpha=0.25, linewidth=0.6)
    axes.set_axisbelow(True)
    for place, (name, ms) in enumerate(
        (("p50", spread.p50), ("p90", spread.p90), ("p99", spread.p99))
    ):
        axes.axvline(ms, color=_MARKS, linewidth=1.2, linestyle=("-", "--", ":")[place])
        axes.annotate(
            f" {name} {ms:,} ms",
            (ms, 0.97 - 0.07 * place),
            xycoords=("data", "axes fraction"),
            color=_MARKS,
            fontsize=9,
            va="top",
        )


def _draw_errors(axes: Any, report: Report) -> None:  # noqa: ANN401 - matplotlib is not typed
    rates = report.errors()
    shares = [100 * count / (of or 1) for _, count, of, _ in rates]
    axes.set_title("What went wrong", loc="left", fontsize=10)
    axes.barh(range(len(rates)), shares, color=_MARKS, height=0.3)
    axes.set_yticks([])
    axes.set_ylim(len(rates) - 0.6, -0.75)
    axes.set_xlim(0, max(5, *shares) * 1.3)
    axes.set_xlabel("per cent", color=_INK)
    for place, ((name, count, _, whole), share) in enumerate(zip(rates, shares, strict=True)):
        axes.text(0, place - 0.22, name, color=_INK, fontsize=9, va="bottom")
        note = f"{count:,} of {whole}"
        axes.annotate(
            note,
            (1, place - 0.22),
            xycoords=("axes fraction", "data"),
            color=_FAINT,
            fontsize=8,
            va="bottom",
            ha="right",
        )
        axes.text(share, place, f" {share:.1f} %", color=_INK, fontsize=8, va="center")
