"""Sound optimizers, callbacks and the like pass; each broken one fails the check meant for it."""

from unittest import SkipTest

import keras
import kind_examples
import pytest

from kerasx.testing import Case
from kerasx.testing.contract import CHECKS, KINDS_WITH_CASES, Subject, plan, subjects

# Nothing is compiled there, gradients are not sparse, or arguments are passed by position.
ELSEWHERE = {
    "tensorflow": set(),
    "jax": {"takes_sparse_gradients", "trains_in_mixed_precision"},
    "torch": {
        "compiles_as_a_function",
        "compiles_as_an_optimizer",
        "drives_an_optimizer",
        "takes_sparse_gradients",
    },
}[keras.backend.backend()]


def items_of(kind, case):
    return [item for item in plan([Subject(kind, case.of, None, (case,))]) if item.case]


def failing(items):
    failed = {}
    for item in items:
        try:
            item.run()
        except SkipTest:
            raise AssertionError(f"{item.check.name} is not exercised") from None
        except Exception as error:
            failed[item.check.name] = error
    return failed


def label(value):
    return value.label if isinstance(value, Case) else ""


@pytest.mark.parametrize(("kind", "case"), kind_examples.SOUND, ids=label)
def test_sound_contributions_pass(kind, case, pytestconfig):
    """The fast tier runs the quick checks only."""
    items = items_of(kind, case)
    if pytestconfig.getoption("tier") == "fast":
        items = [item for item in items if item.check.quick]
    assert failing(items) == {}


@pytest.mark.parametrize(("kind", "case", "wanted", "allowed"), kind_examples.BROKEN, ids=label)
def test_broken_contributions_are_caught(kind, case, wanted, allowed, pytestconfig):
    """The thorough tier also sees that the other checks let it pass."""
    items = items_of(kind, case)
    if pytestconfig.getoption("tier") == "fast":
        items = [item for item in items if item.check.name in wanted]
    failed = failing(items)
    assert wanted - ELSEWHERE <= failed.keys()
    assert failed.keys() <= wanted | allowed, failed


def test_each_check_catches_something_alone():
    alone = {next(iter(wanted)) for _, _, wanted, also in kind_examples.BROKEN if len(wanted) == 1}
    checks = {
        each.name
        for each in CHECKS
        if each.needs_case and not set(each.kinds) & set(KINDS_WITH_CASES)
    }
    assert checks <= alone


def test_defaults_are_exercised_without_a_case():
    (momentum,) = subjects("kind_examples:Momentum")
    assert [case.label for case in momentum.cases] == ["Momentum"]
