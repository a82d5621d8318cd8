"""What the results look like: JSON for each machine, tables, plots, the page of the documents.

python benchmarks/report.py              # writes tables, plots and the page anew
python benchmarks/report.py base.json    # fails where a ratio is above what it was there
"""

from __future__ import annotations

import ast
import datetime
import json
import math
import os
import platform
import re
import sys
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
RESULTS = HERE / "results"
DOCS = HERE.parent / "docs"
OURS, LIMIT = "kerasx", "limit: "  # as in `suite`
BACKENDS = {"tensorflow": "TensorFlow", "jax": "JAX", "torch": "PyTorch"}
PACKAGES = ["keras", "tensorflow", "tensorflow-cpu", "jax", "torch"]
PACKAGES += ["pytorch-crf", "torchmetrics", "scikit-learn", "liger-kernel"]

Row = dict[str, Any]
INTRODUCTION = """\
# Benchmarks

How long kerasx takes beside what one would use instead, on one machine at one time. `make bench`
runs all of it on a CPU and writes this page; nothing on it is written by hand but the reasons.

- The sides of a row do the same work on the same data. Before they are timed, values and gradients
  are compared with NumPy in float64; a side that is wrong is shown as wrong, without a time.
- A **ratio** is our time over the other side's: below 1 we are faster. Each round runs ours
  and others once, and the ratio is that of the times of one round; shown are the median and the
  quartiles of all rounds. Where even the lower quartile is above 1, we lose, and the ratio is
  **bold**. Where a work has several sides of ours, the ratio of a further one is its time over the
  first's.
- Memory that a side has given back is there for its next run, and for others: none waits for the
  system to hand out pages, which depends on what ran before.
- A **limit** is the least that there is to do: the matrix products alone, or a copy of the bytes
  that must move. It is drawn as a dashed line.
- **Memory** is by how much a fresh process grows at most beyond the inputs, when a side first runs;
  compiling is in it, so that figures of compiled sides under about 100 MB say little.
"""


# --- What is written down -----------------------------------------------------------------------


def machine() -> str:
    """The processor and how many cores there are; never the name of a host."""
    processor = platform.processor() or platform.machine()
    cpuinfo = Path("/proc/cpuinfo")
    for line in cpuinfo.read_text().splitlines() if cpuinfo.exists() else []:
        if line.startswith("model name"):
            processor = line.partition(":")[2].strip()
            break
    return f"{processor}, {os.cpu_count()} cores"


def environment() -> dict[str, str]:
    """What figures depend on besides the machine."""
    found = {"date": datetime.date.today().isoformat(), "python": platform.python_version()}
    for package in PACKAGES:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            continue
    return {**found, "load at the start": load()}


def load() -> str:
    return f"{os.getloadavg()[0]:.1f}"


def write(works: list[dict], folder: Path, of: str | None = None) -> list[Path]:
    """Put these works in place of those of the same files and backends; what was written."""
    name = of or machine()
    path = folder / f"{slug(name)}.json"
    new = {(work["file"], work["backend"]) for work in works}
    kept = json.loads(path.read_text())["works"] if path.exists() else []
    kept = [work for work in kept if (work["file"], work["backend"]) not in new]
    works = sorted(kept + works, key=lambda work: (work["file"], work["backend"]))
    folder.mkdir(parents=True, exist_ok=True)
    path.write_text(as_json(name, works))
    return [path, *draw(folder)]


def as_json(name: str, works: list[dict]) -> str:
    """A row a line, so that differences can be read."""
    parts = []
    for work in works:
        rows = ",\n".join(f"  {json.dumps(row)}" for row in work["rows"])
        head = json.dumps({key: value for key, value in work.items() if key != "rows"})
        parts.append(f'{head[:-1]}, "rows": [\n{rows}\n]}}')
    return f'{{"machine": {json.dumps(name)}, "works": [\n' + ",\n".join(parts) + "\n]}\n"


def read(folder: Path = RESULTS) -> list[dict]:
    """The results of each machine."""
    return [json.loads(path.read_text()) for path in sorted(folder.glob("*.json"))]


# --- How it is shown ----------------------------------------------------------------------------


def draw(folder: Path = RESULTS) -> list[Path]:
    """Write tables and plots of all results of a folder, and the page, which shows them."""
    docs = DOCS if folder == RESULTS else folder
    for old in (docs / "benchmarks").glob("*.svg"):
        old.unlink()
    written = []
    for results in read(folder):
        table = folder / f"{slug(results['machine'])}.md"
        table.write_text(tables(results))
        plots = [plot(results["machine"], work, docs) for work in results["works"]]
        written += [table, *filter(None, plots)]
    page_file = docs / "benchmarks.md"
    page_file.write_text(page(read(folder)))
    return [each for each in (*written, page_file) if each.suffix == ".md"]


def slug(text: str) -> str:
    return re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-")


def shown(size: Any) -> str:
    return " x ".join(f"{axis:,}" for axis in size)


def table(rows: list[dict[str, str]]) -> str:
    """Rows of cells by column; a column that is missing in a row is empty there."""
    columns = list(dict.fromkeys(column for row in rows for column in row))
    lines = [f"| {' | '.join(columns)} |", "|" + " --- |" * len(columns)]
    lines += [f"| {' | '.join(str(row.get(each, '')) for each in columns)} |" for row in rows]
    return "\n".join(lines)


def ratio(side: dict[str, Any], spread: bool = True) -> str:
    low, middle, high = (f"{each:.3g}" for each in side["ratio"])
    loses = f"**{middle}**" if side["ratio"][0] > 1 else middle
    return f"{loses} ({low} to {high})" if spread else loses


def sizes(work: dict) -> list[Row]:
    return sorted(work["rows"], key=lambda row: math.prod(row["size"]))


def tables(results: dict) -> str:
    """Everything that was measured on a machine: a line for each side at each size."""
    parts = [f"# {results['machine']}"]
    for work in results["works"]:
        facts = ", ".join(f"{name} {fact}" for name, fact in work["environment"].items())
        parts += [f"## {work['work']}, {BACKENDS[work['backend']]}", facts]
        cells: list[dict[str, str]] = []
        for row in sizes(work):
            start = {"size": shown(row["size"])}
            cells += [start | row["facts"]] if "facts" in row else []
            for name, side in row.get("sides", {}).items():
                cells.append(start | {"side": name} | measured(side))
        parts.append(table(cells))
    return "\n\n".join(parts) + "\n"


def measured(side: dict[str, Any]) -> dict[str, str]:
    """The cells of a side in the full tables."""
    found = {"ms": "wrong: " + side["wrong"] if "wrong" in side else side.get("cannot", "")}
    if "ms" in side:
        low, middle, high = (f"{each:.3g}" for each in side["ms"])
        found["ms"] = f"{middle} ({low} to {high})"
    found["ratio"] = ratio(side) if "ratio" in side else ""
    found["CPU ratio"] = f"{side['cpu_ratio']:.3g}" if "cpu_ratio" in side else ""
    found["compile s"] = side.get("compile_s", "")
    return found | {"memory MB": side.get("memory_mb", side.get("memory_cannot", ""))}


def summary(works: list[dict]) -> str:
    """The ratios of each work beside each side, from the smallest size to the largest."""
    lines: list[dict[str, str]] = []
    for work in works:
        rows = sizes(work)
        names = dict.fromkeys(name for row in rows for name in row.get("sides", {}))
        for name in names:
            sides = [row["sides"].get(name, {}) for row in rows if "sides" in row]
            ratios = [
                ratio(side, False) if "ratio" in side else "wrong" if "wrong" in side else "-"
                for side in sides
            ]
            if set(ratios) != {"-"}:
                start = {"work": f"{work['work']}, {BACKENDS[work['backend']]}", "beside": name}
                lines.append(start | {"ratio, small sizes first": ", ".join(ratios)})
    return table(lines) if lines else ""


def page(machines: list[dict]) -> str:
    """The page of the documents."""
    parts = [INTRODUCTION.strip()]
    for results in machines:
        parts += [f"## {results['machine']}", "At a glance; a dash where a side does not run."]
        parts.append(summary(results["works"]))
        for file in dict.fromkeys(work["file"] for work in results["works"]):
            parts += [f"### {about(file)[0]}", about(file)[1]]
            for work in results["works"]:
                if work["file"] == file:
                    parts += section(results["machine"], work)
    return "\n\n".join(parts) + "\n"


def about(file: str) -> tuple[str, str]:
    """The first line of the docstring of a file of benchmarks as a title, and the rest of it."""
    for path in (HERE / f"bench_{file}.py", HERE / f"{file}.py"):
        if path.exists():
            title, _, rest = ast.get_docstring(ast.parse(path.read_text())).partition("\n")
            return title.rstrip("."), rest.strip()
    return file, ""


def section(of: str, work: dict) -> list[str]:
    """One work: our time, how the others compare, and memory."""
    parts = [f"#### {work['work']}, {BACKENDS[work['backend']]}"]
    plotted = picture(of, work)
    if plotted:
        parts.append(f"![Time and memory against size]({plotted})")
    times, memory = [], []
    for row in sizes(work):
        start = {row.get("axes", "size"): shown(row["size"])}
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
    date = f"Measured on {facts['date']}, load {facts['load at the start']} at the start"
    without = (
        f" Without {facts['skipped']}." if facts.get("skipped", "nothing") != "nothing" else ""
    )
    return [*parts, f"{date} and {facts.get('load at the end', '?')} at the end.{without}"]


def cell(side: dict[str, Any]) -> str:
    """Ours in milliseconds, another by the ratio."""
    if "ratio" in side:
        return ratio(side)
    if "ms" in side:
        return f"{side['ms'][1]:.3g} ms"
    return f"wrong: {side['wrong']}" if "wrong" in side else side.get("cannot", "")


def picture(of: str, work: dict) -> str | None:
    """Where a work's plot is, in the documents; none where there is no growth to see."""
    timed = [row for row in work["rows"] if any("ms" in s for s in row.get("sides", {}).values())]
    if len(timed) < 2:
        return None
    return f"benchmarks/{slug(of)}-{work['backend']}-{slug(work['work'])}.svg"


def plot(of: str, work: dict, docs: Path) -> Path | None:
    """Time and memory against size, log-log, the limit dashed."""
    name = picture(of, work)
    if name is None:
        return None
    import matplotlib

    matplotlib.use("agg")
    matplotlib.rcParams |= {"svg.fonttype": "none", "svg.hashsalt": name, "font.size": 8}
    from matplotlib import pyplot

    rows = sizes(work)
    what = {"ms": "ms", "memory_mb": "MB beyond the inputs"}
    panels = [key for key in what if any(key in s for r in rows for s in r["sides"].values())]
    figure, axes = pyplot.subplots(
        1, len(panels), figsize=(4.5 * len(panels), 3), layout="constrained", squeeze=False
    )
    places = [math.prod(row["size"]) for row in rows]
    for axis, key in zip(axes[0], panels, strict=True):
        for turn, side in enumerate(dict.fromkeys(name for row in rows for name in row["sides"])):
            values = [row["sides"].get(side, {}).get(key) for row in rows]
            points = [
                (place, value[1] if isinstance(value, list) else max(value, 1))
                for place, value in zip(places, values, strict=True)
                if value is not None
            ]
            if points:
                own = {"marker": "o", "color": f"C{turn}"}  # the same in both panels
                style = {"ls": "--", "color": "black"} if side.startswith(LIMIT) else own
                axis.plot(*zip(*points, strict=True), label=side, lw=1, ms=3, **style)
        axis.set(xscale="log", yscale="log", ylabel=what[key], xlabel=rows[0].get("axes", "size"))
        axis.set_xticks(places, [shown(row["size"]) for row in rows], rotation=25, ha="right")
        axis.minorticks_off()
        axis.grid(alpha=0.3)
    axes[0][0].legend(fontsize=7)
    path = docs / name
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, metadata={"Date": None})
    pyplot.close(figure)
    return path


# --- How it compares with an earlier one --------------------------------------------------------


def fallen(base: dict, new: dict) -> list[dict[str, str]]:
    """The rows whose ratios have risen above what they were by more than the spread of both."""
    before = dict(ratios(base))
    found = []
    for key, side in ratios(new):
        old = before.get(key, {})
        if "ratio" in old and "ratio" in side:
            is_worse = side["ratio"][0] > old["ratio"][2]
        else:  # ours, which has no ratio, is wrong now
            is_worse = "ms" in old and "ratio" not in old and "ms" not in side
        if is_worse:
            work, backend, size, name = key
            then, now = cell(old), cell(side)
            start = {"work": f"{work}, {BACKENDS[backend]}", "size": shown(size), "beside": name}
            found.append(start | {"ratio then": then, "now": now})
    return found


def ratios(results: dict) -> list[tuple[tuple, dict]]:
    return [
        ((work["work"], work["backend"], tuple(row["size"]), name), side)
        for work in results["works"]
        for row in work["rows"]
        for name, side in row.get("sides", {}).items()
    ]


def main(base: str | None = None, new: str | None = None) -> int:
    if base is None:
        print("wrote", *draw())
        return 0
    path = Path(new) if new else RESULTS / f"{slug(machine())}.json"
    results = [json.loads(Path(each).read_text()) for each in (base, path)]
    found = fallen(*results)
    both = set(dict(ratios(results[0]))) & set(dict(ratios(results[1])))
    print(f"{len(both)} sides are in both; {len(found)} are worse in {path}")
    print(table(found) if found else "")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
