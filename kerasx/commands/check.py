"""``kerasx check``: run the contract on installed plugins or single objects."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING
from unittest import SkipTest

import click
from rich.progress import track

from kerasx_launcher.table import print_table

if TYPE_CHECKING:
    from kerasx.testing import Item


def run_contract(targets: Sequence[str], examples: int) -> None:
    """Run the contract, print a table, and exit with 1 if a promise is broken.

    Args:
        targets: plugins (``"acme-layers"``) or objects (``"my_package:MyLayer"``).
        examples: number of inputs per cheap check.

    Raises:
        click.ClickException: a target cannot be found, or hypothesis is missing.
    """
    try:
        import hypothesis

        from kerasx.testing import plan, subjects
    except ImportError as error:
        raise click.ClickException(
            f"{error.name} is missing: pip install hypothesis pytest"
        ) from error
    hypothesis.settings.register_profile("kerasx", max_examples=examples, derandomize=True)
    hypothesis.settings.load_profile("kerasx")
    try:
        items = plan(each for target in targets for each in subjects(target))
    except (ImportError, ValueError) as error:
        raise click.ClickException(str(error)) from error
    if not items:
        raise click.ClickException(
            f"there is nothing to check: {', '.join(targets)} contributes nothing"
        )

    counts: dict[str, Counter] = {}
    broken: list[tuple[Item, Exception]] = []
    skipped: list[tuple[Item, str]] = []
    for item in track(items, "checking", transient=True):
        count = counts.setdefault(item.subject.object.__name__, Counter())
        if item.waived:
            count["waived"] += 1
            continue
        try:
            item.run()
            count["passed"] += 1
        except SkipTest as skip:
            count["waived"] += 1
            skipped.append((item, str(skip)))
        except Exception as error:
            count["failed"] += 1
            broken.append((item, error))
    columns = ("passed", "failed", "waived")
    rows = [(name, *(str(count[key]) for key in columns)) for name, count in counts.items()]
    print_table(["contribution", *columns], rows)
    for item, failure in broken:
        promise = " ".join(item.check.reason.split("\n\n")[0].split())
        click.echo(f"\n{item.label} failed. Promised: {promise}")
        click.echo(f"{type(failure).__name__}: {failure}".strip())
    for item in items:
        if item.waived:
            click.echo(f"\n{item.label} is waived: {item.waived}")
    for item, reason in skipped:
        click.echo(f"\n{item.label} is {reason}")
    raise SystemExit(1 if broken else 0)
