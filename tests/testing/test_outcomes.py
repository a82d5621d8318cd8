"""Outcomes: each cause once, with the checks that it breaks, and messages that fit on a screen."""

from unittest import SkipTest

import keras
import pytest
from contract_examples import CannotBeBuilt, Scale, features

from kerasx.testing import Case
from kerasx.testing.contract import Check, Item, Subject, plan
from kerasx.testing.outcomes import by_cause, outcome_of, shortened, traits_that_hold


def outcomes_of(layer, **more):
    case = Case(layer, features, varies=("batch",), **more)
    return [outcome_of(item) for item in plan([Subject("layers", layer, None, (case,))])]


def test_one_cause_is_reported_once():
    outcomes = outcomes_of(CannotBeBuilt)
    failed = [each.check for each in outcomes if each.status == "failed"]
    built, *others = sorted(by_cause(outcomes), key=len, reverse=True)
    assert len(failed) > 10
    assert len(built) >= len(failed) - 2
    assert "is odd" in built[0].reason
    assert {each[0].check for each in others} <= {"is_documented", "reloads"}


def outcome(function):
    check = Check(function, ("layers",), None, 1.0, 1, False, False)
    return outcome_of(Item(check, Subject("layers", Scale)))


def test_statuses():
    def passes(subject):
        pass

    def fails(subject):
        raise AssertionError("it fails")

    def skips(subject):
        raise SkipTest("not exercised: there is nothing to try")

    assert outcome(passes).status == "passed"
    assert (outcome(fails).status, outcome(fails).reason) == ("failed", "AssertionError: it fails")
    assert (outcome(skips).status, outcome(skips).reason) == (
        "not exercised",
        "there is nothing to try",
    )


def test_waived_checks_are_not_run():
    (copies,) = [
        each for each in outcomes_of(Scale, waived={"copies": "why"}) if each.check == "copies"
    ]
    assert (copies.status, copies.reason) == ("waived", "why")


def test_messages_are_short():
    layer = keras.layers.Dense(2)
    with pytest.raises(ValueError, match="incompatible") as raised:
        layer(keras.Input(()))
    assert len(shortened(raised.value).splitlines()) <= 6
    long = shortened(ValueError("\n".join(["a line"] * 500)))
    assert len(long) < 600
    assert long.endswith(" ...")


def test_traits_that_hold_are_reported():
    case = Case(Scale, features, varies=("batch",), independent=False, differentiable=False)
    assert traits_that_hold(Subject("layers", Scale, None, (case,))) == [
        "differentiable",
        "independent",
    ]
    assert traits_that_hold(Subject("layers", Scale, None, (Case(Scale, features),))) == []
