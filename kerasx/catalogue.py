"""Catalogue of a plugin: descriptions of its contributions, readable without importing it."""

from __future__ import annotations

import inspect
import json
import re
from collections.abc import Iterable
from dataclasses import asdict

from kerasx.calls import call_text
from kerasx.compiler import Kernel
from kerasx.registry import Contribution
from kerasx_launcher.catalogue import Entry

PAPERS = re.compile(r"\b(?:Source|Reference|From)s?:\s+(.+?)(?:\n\s*\n|$)", re.DOTALL)


def describe(contribution: Contribution) -> Entry:
    """Return the entry of a contribution."""
    value = contribution.object
    doc = inspect.getdoc(value) or ""
    papers = PAPERS.search(doc)
    return Entry(
        kind=contribution.kind,
        name=contribution.name,
        summary=doc.partition("\n")[0],
        call=call_text(contribution.name, inspect.signature(value)),
        papers=" ".join(papers[1].split()) if papers else "",
        facts=_facts(value) if isinstance(value, Kernel) else {},
        doc=doc,
    )


def as_text(contributions: Iterable[Contribution]) -> str:
    """Return the text of a catalogue, in the order of kinds and names."""
    entries = [asdict(describe(each)) for each in contributions]
    entries.sort(key=lambda entry: (entry["kind"], entry["name"]))
    return json.dumps(entries, indent=1, ensure_ascii=False) + "\n"


def _facts(kernel: Kernel) -> dict[str, str]:
    """Return the arguments, buckets and backends of a kernel, by name."""
    facts = {"static": ", ".join(kernel.static) or "none"}
    if kernel.shapes:
        facts["shapes"] = "\n".join(
            f"{name}: {line}" for name, line in kernel.shapes.arguments.items()
        )
        facts["returns"] = str(kernel.shapes.returned or "not declared")
    if kernel.buckets:
        rules = kernel.buckets.rules.items()
        facts["buckets"] = "\n".join(f"{dim}: {rule}" for dim, rule in rules)
    facts["backends"] = ", ".join([*(kernel.only_on or ["any"]), *kernel.backends])
    facts["reference"] = getattr(kernel.reference, "__name__", "none")
    return facts
