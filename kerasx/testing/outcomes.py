"""Outcomes of checks: what passed, what failed, and the cause that several failures share."""

from __future__ import annotations

import re
import traceback
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from unittest import SkipTest

from kerasx.testing.common import files_of
from kerasx.testing.contract import Item, Subject, trials

# The longest part of an error that is shown.
LINES, CHARACTERS = 6, 500


@dataclass(frozen=True)
class Outcome:
    """The outcome of one check of one case.

    Attributes:
        contribution: name of the contribution.
        case: name of the contribution and of the case.
        check: name of the check.
        status: "passed", "failed", "waived" or "not exercised".
        reason: the error of a failure, shortened; why the check is waived or not exercised.
        cause: what failures with the same cause share.
    """

    contribution: str
    case: str
    check: str
    status: str
    reason: str = ""
    cause: tuple[str, ...] = ()


def outcome_of(item: Item) -> Outcome:
    """Run a check, and return its outcome."""
    name = item.subject.object.__name__
    case = item.case.label if item.case else name

    def outcome(status: str, reason: str = "", cause: tuple[str, ...] = ()) -> Outcome:
        return Outcome(name, case, item.check.name, status, reason, cause)

    if item.waived:
        return outcome("waived", item.waived)
    try:
        item.run()
    except SkipTest as skip:
        return outcome("not exercised", str(skip).removeprefix("not exercised: "))
    except Exception as raised:
        error = _first(raised)
        return outcome("failed", shortened(error), _cause(error, item.subject))
    return outcome("passed")


def holds(items: Iterable[Item]) -> bool:
    """Return whether all checks pass for one drawn input each."""
    for item in items:
        try:
            item.run(examples=1)
        except (Exception, SkipTest):
            return False
    return True


def traits_that_hold(subject: Subject) -> list[str]:
    """Return the traits that no case declares, although their checks pass."""
    return [trait for trait, items in trials(subject) if holds(items)]


def by_cause(outcomes: Iterable[Outcome]) -> list[list[Outcome]]:
    """Return the failures, those with the same cause together."""
    groups: dict[tuple[str, ...], list[Outcome]] = {}
    for each in outcomes:
        if each.status == "failed":
            groups.setdefault(each.cause, []).append(each)
    return list(groups.values())


def shortened(error: Exception) -> str:
    """Return the message of an error, without what Keras and the backends add."""
    text = re.sub(r"\x1b\[\d*m", "", str(error))
    # Keras wraps what a call or `from_config` has raised.
    text = re.sub(r"\AException encountered when calling [^\n]*\n+", "", text)
    text = text.rpartition("Exception encountered: ")[2].partition("\n\nArguments received by")[0]
    lines = [line for line in text.splitlines() if line.strip()]
    whole = "\n".join(lines)
    short = "\n".join(lines[:LINES])[:CHARACTERS].rstrip()
    return f"{type(error).__name__}: {short}{'' if short == whole else ' ...'}"


def _first(error: Exception) -> Exception:
    """Return the first error of a group, such as that of hypothesis about a flaky test."""
    while isinstance(error, ExceptionGroup):
        error = error.exceptions[0]
    return error


def _cause(error: Exception, subject: Subject) -> tuple[str, ...]:
    """Return the place in the contribution's package that raised, or else the kind of message.

    A package whose layers cannot be built fails most checks at the same line, with the shapes of
    each check in the message.
    """
    files = files_of(subject.object)
    inside = [
        frame
        for frame in traceback.extract_tb(error.__traceback__)
        if Path(frame.filename) in files
    ]
    if inside:
        return (type(error).__name__, inside[-1].filename, str(inside[-1].lineno))
    message = shortened(error).replace(subject.object.__name__, "")
    return (re.sub(r"[-+.\d]+", "#", message),)
