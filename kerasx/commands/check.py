"""``kerasx check``: run the contract on installed plugins or single objects."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from functools import cache
from multiprocessing import get_context
from typing import TYPE_CHECKING

import click
from rich.progress import track

from kerasx_launcher.table import print_table

if TYPE_CHECKING:
    from kerasx.testing import Outcome, Subject

STATUSES = ("passed", "failed", "waived", "not exercised")


def run_contract(targets: Sequence[str], examples: int, jobs: int = 1) -> None:
    """Run the contract, print a table, and exit with 1 if a promise is broken.

    Args:
        targets: plugins (``"acme-layers"``) or objects (``"my_package:MyLayer"``).
        examples: number of inputs per cheap check.
        jobs: number of processes that check contributions at the same time.

    Raises:
        click.ClickException: a target cannot be found, or hypothesis is missing.
    """
    try:
        subjects = _subjects(tuple(targets))
    except ImportError as error:
        if error.name in ("hypothesis", "pytest"):
            message = f"{error.name} is missing: pip install hypothesis pytest"
            raise click.ClickException(message) from error
        raise click.ClickException(str(error)) from error
    except ValueError as error:
        raise click.ClickException(str(error)) from error
    if not subjects:
        raise click.ClickException(
            f"there is nothing to check: {', '.join(targets)} contributes nothing"
        )
    results = _results(tuple(targets), len(subjects), examples, min(jobs, len(subjects)))
    outcomes: list[Outcome] = []
    traits: dict[str, list[str]] = {}
    for subject, (done, holding) in zip(
        subjects,
        track(results, "checking", total=len(subjects), transient=True),
        strict=True,
    ):
        outcomes += done
        if holding:
            traits[subject.object.__name__] = holding
    _print(outcomes, traits)
    raise SystemExit(1 if any(each.status == "failed" for each in outcomes) else 0)


@cache
def _subjects(targets: tuple[str, ...]) -> list[Subject]:
    import hypothesis as _  # noqa: F401

    from kerasx.testing import plan, subjects

    checked = [subject for target in targets for subject in subjects(target)]
    plan(checked)  # validates what is waived
    return checked


def _results(
    targets: tuple[str, ...], count: int, examples: int, jobs: int
) -> Iterator[tuple[list[Outcome], list[str]]]:
    """Yield the outcomes and the traits that hold of each contribution."""
    requests = [(targets, number, examples) for number in range(count)]
    if jobs == 1:
        yield from map(_check_one, requests)
        return
    with ProcessPoolExecutor(jobs, mp_context=get_context("spawn")) as processes:
        yield from processes.map(_check_one, requests)


def _check_one(request: tuple[tuple[str, ...], int, int]) -> tuple[list[Outcome], list[str]]:
    """Check one contribution of the targets, in this process."""
    import hypothesis

    from kerasx.testing import outcome_of, plan, traits_that_hold

    targets, number, examples = request
    hypothesis.settings.register_profile("kerasx", max_examples=examples, derandomize=True)
    hypothesis.settings.load_profile("kerasx")
    subject = _subjects(targets)[number]
    return [outcome_of(item) for item in plan([subject])], traits_that_hold(subject)


def _print(outcomes: Sequence[Outcome], traits: dict[str, list[str]]) -> None:
    """Print a table of counts, each failure with all checks that it breaks, and the rest."""
    from kerasx.testing import CHECKS, by_cause

    counts: dict[str, Counter] = {}
    for each in outcomes:
        counts.setdefault(each.contribution, Counter())[each.status] += 1
    seen = {"passed", *(each.status for each in outcomes)}
    columns = [status for status in STATUSES if status in seen]
    rows = [(name, *(str(count[status]) for status in columns)) for name, count in counts.items()]
    print_table(["contribution", *columns], rows)
    reasons = {check.name: check.reason for check in CHECKS}
    for failures in by_cause(outcomes):
        click.echo(f"\n{_listed(failures)} failed: {failures[0].reason}")
        if len(failures) == 1:
            promise = reasons[failures[0].check].split("\n\n")[0]
            click.echo(f"Promised: {' '.join(promise.split())}")
    for status in ("waived", "not exercised"):
        groups: dict[str, list[Outcome]] = {}
        for each in outcomes:
            if each.status == status:
                groups.setdefault(each.reason, []).append(each)
        if groups:
            click.echo("")
        for reason, group in groups.items():
            click.echo(f"{_listed(group)} {status}: {reason}")
    for name, holding in traits.items():
        click.echo(f"\n{name}: {' and '.join(holding)} holds, though no case declares it")


def _listed(outcomes: Sequence[Outcome]) -> str:
    """Return the checks of each case, such as `Scale: reloads, copies`; of many, the first ones."""
    cases: dict[str, list[str]] = {}
    for each in outcomes:
        cases.setdefault(each.case, []).append(each.check)
    same: dict[tuple[str, ...], list[str]] = {}
    for case, checks in cases.items():
        same.setdefault(tuple(checks), []).append(case)
    parts = []
    for broken, names in same.items():
        shown = ", ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")
        parts.append(f"{shown}: {', '.join(broken)}")
    return "; ".join(parts)
