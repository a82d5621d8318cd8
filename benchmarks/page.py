"""The page of benchmarks in the documentation, and its plots; `make docs` builds both."""

from __future__ import annotations

import ast
import io
import math
from pathlib import Path
from typing import Any

from report import BACKENDS, cell, ratio, rows_by_size, size_text, slug, table
from suite import LIMIT

HERE = Path(__file__).resolve().parent
INTRODUCTION = """\
# Benchmarks

How kerasx's speed and memory compare with the alternatives, measured on one machine at one time.
`make bench` measures everything on a CPU, and this page is built from the results. Only the
explanations are written by hand. `python benchmarks/report.py` prints every figure.

- All contenders do the same work on the same data. Before timing, their values and gradients are
  compared with NumPy in float64. A contender that fails is shown as wrong and is not timed.
- A **ratio** is our time divided by the other contender's: below 1, kerasx is faster. Every round
  runs ours and the others once, and gives one ratio; the table shows the median and the quartiles
  over all rounds. Where even the lower quartile is above 1, kerasx loses and the ratio is **bold**.
  Where kerasx has several contenders, those after the first show their time divided by the first's.
- Freed memory stays in the process, so no contender pays for page faults that depend on what ran
  before it.
- A **limit** is a lower bound, the minimum that any implementation must do: the matrix products
  alone, or one copy of the data. Plots show it as a dashed line.
- **Memory** is the peak growth of a fresh process beyond the inputs when a contender first runs. It
  includes compilation, so figures below about 100 MB mean little for compiled contenders.
"""


def page(machines: list[dict]) -> str:
    """Return the page in Markdown."""
    parts = [INTRODUCTION.strip()]
    for results in machines:
        parts += [f"## {results['machine']}", "Overview. A dash means that it does not run."]
        parts.append(summary(results["works"]))
        for file in dict.fromkeys(work["file"] for work in results["works"]):
            title, explanation = docstring_of(file)
            parts += [f"### {title}", explanation]
            for work in results["works"]:
                if work["file"] == file:
                    parts += section(results["machine"], work)
    return "\n\n".join(parts) + "\n"


def plots(machines: list[dict]) -> dict[str, str]:
    """Return the SVG of each plot by its path in the documentation."""
    return {
        plot_path(results["machine"], work): plot(results["machine"], work)
        for results in machines
        for work in results["works"]
        if is_plotted(work)
    }


def summary(works: list[dict]) -> str:
    """Format the ratios of each contender, from the smallest size to the largest."""
    lines: list[dict[str, str]] = []
    for work in works:
        rows = rows_by_size(work)
        for name in dict.fromkeys(name for row in rows for name in row.get("sides", {})):
            sides = [row["sides"].get(name, {}) for row in rows if "sides" in row]
            ratios = [
                ratio(side, False) if "ratio" in side else "wrong" if "wrong" in side else "-"
                for side in sides
            ]
            if set(ratios) != {"-"}:
                line = {"work": f"{work['work']}, {BACKENDS[work['backend']]}"}
                line |= {"compared with": name, "ratio, small sizes first": ", ".join(ratios)}
                lines.append(line)
    return table(lines) if lines else ""


def docstring_of(file: str) -> tuple[str, str]:
    """Return the title and the explanation at the top of a file of benchmarks."""
    for path in (HERE / f"bench_{file}.py", HERE / f"{file}.py"):
        if path.exists():
            title, _, rest = ast.get_docstring(ast.parse(path.read_text())).partition("\n")
            return title.rstrip("."), rest.strip()
    return file, ""


def section(machine: str, work: dict) -> list[str]:
    """Return the paragraphs of one work: plot, times, memory, and when it was measured."""
    parts = [f"#### {work['work']}, {BACKENDS[work['backend']]}"]
    if is_plotted(work):
        parts.append(f"![Time and memory against size]({plot_path(machine, work)})")
    times, memory = [], []
    for row in rows_by_size(work):
        start = {row.get("axes", "size"): size_text(row["size"])}
        if "facts" in row:
            times.append(start | row["facts"])
            continue
        times.append(start | {name: cell(side) for name, side in row["sides"].items()})
        used = {
            name: f"{side['memory_mb']:,} MB" if "memory_mb" in side else side["memory_cannot"]
            for name, side in row["sides"].items()
            if "memory_mb" in side or "memory_cannot" in side
        }
        memory += [start | used] if used else []
    parts.append(table(times))
    if memory:
        parts += ["Memory beyond the inputs:", table(memory)]
    facts = work["environment"]
    start, end = facts["load at the start"], facts.get("load at the end", "?")
    measured = f"Measured on {facts['date']}; system load {start} at the start, {end} at the end."
    skipped = facts.get("skipped", "nothing")
    return [*parts, measured if skipped == "nothing" else f"{measured} Skipped: {skipped}."]


def is_plotted(work: dict) -> bool:
    """Return whether there are two sizes or more to draw."""
    timed = [
        row for row in work["rows"] if any("ms" in side for side in row.get("sides", {}).values())
    ]
    return len(timed) > 1


def plot_path(machine: str, work: dict) -> str:
    return f"benchmarks/{slug(machine)}-{work['backend']}-{slug(work['work'])}.svg"


def plot(machine: str, work: dict) -> str:
    """Draw time and memory against size on logarithmic axes, with limits dashed; return an SVG."""
    import matplotlib

    matplotlib.use("agg")
    salt = plot_path(machine, work)  # the same results give the same file
    matplotlib.rcParams |= {"svg.fonttype": "none", "svg.hashsalt": salt, "font.size": 8}
    from matplotlib import pyplot

    rows = rows_by_size(work)
    names = dict.fromkeys(name for row in rows for name in row["sides"])
    labels = {"ms": "ms", "memory_mb": "MB beyond the inputs"}
    measured = [key for key in labels if any(key in s for r in rows for s in r["sides"].values())]
    figure, axes = pyplot.subplots(
        1, len(measured), figsize=(4.5 * len(measured), 3), layout="constrained", squeeze=False
    )
    places = [math.prod(row["size"]) for row in rows]
    for axis, key in zip(axes[0], measured, strict=True):
        for index, name in enumerate(names):
            points = [
                (place, _middle(row["sides"][name][key]))
                for place, row in zip(places, rows, strict=True)
                if key in row["sides"].get(name, {})
            ]
            if not points:
                continue
            style: dict[str, Any] = {"marker": "o", "color": f"C{index}"}  # alike in both panels
            if name.startswith(LIMIT):
                style = {"ls": "--", "color": "black"}
            axis.plot(*zip(*points, strict=True), label=name, lw=1, ms=3, **style)
        axis.set(xscale="log", yscale="log", ylabel=labels[key], xlabel=rows[0].get("axes", "size"))
        axis.set_xticks(places, [size_text(row["size"]) for row in rows], rotation=25, ha="right")
        axis.minorticks_off()
        axis.grid(alpha=0.3)
    axes[0][0].legend(fontsize=7)
    file = io.StringIO()
    figure.savefig(file, format="svg", metadata={"Date": None})
    pyplot.close(figure)
    return file.getvalue()


def _middle(value: Any) -> float:
    """Return the median of quartiles, or a number that a logarithmic axis can show."""
    return value[1] if isinstance(value, list) else max(value, 1)
