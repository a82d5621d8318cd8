"""Keras's own layers, losses and metrics pass the contract, except for faults of theirs."""

import inspect
from unittest import SkipTest

import hypothesis
import keras
import pytest
from keras_cases import (
    FAULTS,
    LAYERS,
    LOSSES,
    METRICS,
    OTHER_LAYERS,
    OTHER_LOSSES,
    OTHER_METRICS,
    faults_of,
)

from kerasx.testing.contract import CHECKS, Subject, plan

BACKEND = keras.backend.backend()
KINDS = {
    "layers": (keras.Layer, LAYERS, OTHER_LAYERS),
    "losses": (keras.Loss, LOSSES, OTHER_LOSSES),
    "metrics": (keras.Metric, METRICS, OTHER_METRICS),
}


@pytest.mark.parametrize("kind", KINDS)
def test_every_class_of_keras_is_tried(kind):
    base, cases, others = KINDS[kind]
    classes = {
        value: name
        for name, value in vars(getattr(keras, kind)).items()
        if inspect.isclass(value) and issubclass(value, base)
    }
    tried = {case.of for case in cases}
    assert {name for value, name in classes.items() if value not in tried} == set(others)


def test_every_fault_is_of_a_check_and_of_a_case():
    tried = {case.of.__name__ for _, cases, _ in KINDS.values() for case in cases}
    for fault in FAULTS:
        assert set(fault.names) <= tried
        assert fault.check in {check.name for check in CHECKS}


@pytest.fixture
def same_examples():
    """Draw the same inputs in each run."""
    usual = hypothesis.settings.get_current_profile_name()
    hypothesis.settings.register_profile("same", max_examples=3, derandomize=True)
    hypothesis.settings.load_profile("same")
    yield
    hypothesis.settings.load_profile(usual)


@pytest.mark.thorough
@pytest.mark.usefixtures("same_examples")
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(
    ("kind", "case"),
    [
        pytest.param(kind, case, id=f"{kind}-{case.label}")
        for kind, (_, cases, _) in KINDS.items()
        for case in cases
    ],
)
def test_only_the_known_faults_are_found(kind, case):
    failed = {}
    for item in plan([Subject(kind, case.of, None, (case,))]):
        if item.case is None:
            continue
        try:
            item.run()
        except SkipTest:
            pass
        except Exception as error:
            failed[item.check.name] = error
    assert set(failed) == faults_of(case.of.__name__, BACKEND), failed
