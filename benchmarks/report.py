"""Results: one JSON file per machine, tables of all figures, and comparison with an earlier run.

python benchmarks/report.py              # print every figure of every machine
python benchmarks/report.py base.json    # fail where a ratio has risen since then
"""

from __future__ import annotations

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

RESULTS = Path(__file__).resolve().parent / "results"
BACKENDS = {"tensorflow": "TensorFlow", "jax": "JAX", "torch": "PyTorch"}
PACKAGES = ["keras", "tensorflow", "tensorflow-cpu", "jax", "torch"]
PACKAGES += ["pytorch-crf", "torchmetrics", "scikit-learn", "liger-kernel"]

# --- Write and read -----------------------------------------------------------------------------


def machine() -> str:
    """Return the processor and its number of cores; never a host name."""
    processor = platform.processor() or platform.machine()
    cpuinfo = Path("/proc/cpuinfo")
    for line in cpuinfo.read_text().splitlines() if cpuinfo.exists() else []:
        if line.startswith("model name"):
            processor = line.partition(":")[2].strip()
            break
    return f"{processor}, {os.cpu_count()} cores"


def environment() -> dict[str, str]:
    """Return what figures depend on besides the machine."""
    facts = {"date": datetime.date.today().isoformat(), "python": platform.python_version()}
    for package in PACKAGES:
        try:
            facts[package] = version(package)
        except PackageNotFoundError:
            continue
    return {**facts, "load at the start": load()}


def load() -> str:
    return f"{os.getloadavg()[0]:.1f}"


def write(works: list[dict], folder: Path, of: str | None = None) -> Path:
    """Write works to a machine's file, in place of earlier ones of the same files and backends."""
    name = of or machine()
    path = folder / f"{slug(name)}.json"
    replaced = {(work["file"], work["backend"]) for work in works}
    kept = json.loads(path.read_text())["works"] if path.exists() else []
    kept = [work for work in kept if (work["file"], work["backend"]) not in replaced]
    works = sorted(kept + works, key=lambda work: (work["file"], work["backend"]))
    folder.mkdir(parents=True, exist_ok=True)
    path.write_text(as_json(name, works))
    return path


def as_json(name: str, works: list[dict]) -> str:
    """Format results with one row per line, so that diffs are readable."""
    parts = []
    for work in works:
        rows = ",\n".join(f"  {json.dumps(row)}" for row in work["rows"])
        head = json.dumps({key: value for key, value in work.items() if key != "rows"})
        parts.append(f'{head[:-1]}, "rows": [\n{rows}\n]}}')
    return f'{{"machine": {json.dumps(name)}, "works": [\n' + ",\n".join(parts) + "\n]}\n"


def read(folder: Path = RESULTS) -> list[dict]:
    """Return the results of each machine."""
    return [json.loads(path.read_text()) for path in sorted(folder.glob("*.json"))]


# --- Show ---------------------------------------------------------------------------------------


def slug(text: str) -> str:
    return re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-")


def size_text(size: Any) -> str:
    return " x ".join(f"{axis:,}" for axis in size)


def table(rows: list[dict[str, str]]) -> str:
    """Format rows, which map columns to cells; a missing cell is empty."""
    columns = list(dict.fromkeys(column for row in rows for column in row))
    lines = [f"| {' | '.join(columns)} |", "|" + " --- |" * len(columns)]
    lines += [f"| {' | '.join(str(row.get(column, '')) for column in columns)} |" for row in rows]
    return "\n".join(lines)


def ratio(side: dict[str, Any], spread: bool = True) -> str:
    """Format a ratio; bold where even its lower quartile says that we lose."""
    low, median, high = (f"{value:.3g}" for value in side["ratio"])
    emphasised = f"**{median}**" if side["ratio"][0] > 1 else median
    return f"{emphasised} ({low} to {high})" if spread else emphasised


def cell(side: dict[str, Any]) -> str:
    """Format our own time in milliseconds, and another contender's as a ratio."""
    if "ratio" in side:
        return ratio(side)
    if "ms" in side:
        return f"{side['ms'][1]:.3g} ms"
    return f"wrong: {side['wrong']}" if "wrong" in side else side.get("cannot", "")


def rows_by_size(work: dict) -> list[dict[str, Any]]:
    return sorted(work["rows"], key=lambda row: math.prod(row["size"]))


def tables(results: dict) -> str:
    """Format every figure of a machine: one line for each contender at each size."""
    parts = [f"# {results['machine']}"]
    for work in results["works"]:
        facts = ", ".join(f"{name} {fact}" for name, fact in work["environment"].items())
        parts += [f"## {work['work']}, {BACKENDS[work['backend']]}", facts]
        rows: list[dict[str, str]] = []
        for row in rows_by_size(work):
            start = {"size": size_text(row["size"])}
            if "facts" in row:
                rows.append(start | row["facts"])
            for name, side in row.get("sides", {}).items():
                rows.append(start | {"contender": name} | all_figures(side))
        parts.append(table(rows))
    return "\n\n".join(parts) + "\n"


def all_figures(side: dict[str, Any]) -> dict[str, str]:
    """Format every figure of a contender at a size."""
    cells = {"ms": "wrong: " + side["wrong"] if "wrong" in side else side.get("cannot", "")}
    if "ms" in side:
        low, median, high = (f"{value:.3g}" for value in side["ms"])
        cells["ms"] = f"{median} ({low} to {high})"
    cells["ratio"] = ratio(side) if "ratio" in side else ""
    cells["CPU ratio"] = f"{side['cpu_ratio']:.3g}" if "cpu_ratio" in side else ""
    cells["compile s"] = side.get("compile_s", "")
    return cells | {"memory MB": side.get("memory_mb", side.get("memory_cannot", ""))}


# --- Compare ------------------------------------------------------------------------------------


def regressions(base: dict, new: dict) -> list[dict[str, str]]:
    """Return the rows whose ratios have risen by more than the spread of both runs."""
    before = dict(keyed_sides(base))
    rows = []
    for key, side in keyed_sides(new):
        old = before.get(key, {})
        if "ratio" in old and "ratio" in side:
            is_worse = side["ratio"][0] > old["ratio"][2]
        else:  # ours, which has no ratio, has become wrong
            is_worse = "ms" in old and "ratio" not in old and "ms" not in side
        if is_worse:
            work, backend, size, name = key
            row = {"work": f"{work}, {BACKENDS[backend]}", "size": size_text(size)}
            rows.append(row | {"contender": name, "ratio then": cell(old), "now": cell(side)})
    return rows


def keyed_sides(results: dict) -> list[tuple[tuple, dict]]:
    return [
        ((work["work"], work["backend"], tuple(row["size"]), name), side)
        for work in results["works"]
        for row in work["rows"]
        for name, side in row.get("sides", {}).items()
    ]


def main(base: str | None = None, new: str | None = None) -> int:
    if base is None:
        print(*map(tables, read()), sep="\n")
        return 0
    path = Path(new) if new else RESULTS / f"{slug(machine())}.json"
    then, now = (json.loads(Path(file).read_text()) for file in (base, path))
    worse = regressions(then, now)
    common = set(dict(keyed_sides(then))) & set(dict(keyed_sides(now)))
    print(f"{len(common)} figures are in both files; {len(worse)} are worse in {path}")
    print(table(worse) if worse else "")
    return 1 if worse else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
