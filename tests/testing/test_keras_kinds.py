"""The contract of optimizers, callbacks and the like on all of Keras's own: no false alarms."""

import inspect
from contextlib import nullcontext
from pathlib import Path
from unittest import SkipTest

import keras
import pytest
from hypothesis import strategies as st

from kerasx.testing import Case, tensors
from kerasx.testing.contract import Subject, plan

schedules = keras.optimizers.schedules
NAMESPACES = {
    "optimizers": (keras.optimizers, keras.Optimizer),
    "schedules": (schedules, schedules.LearningRateSchedule),
    "callbacks": (keras.callbacks, keras.callbacks.Callback),
    "initializers": (keras.initializers, keras.Initializer),
    "constraints": (keras.constraints, keras.constraints.Constraint),
    "regularizers": (keras.regularizers, keras.Regularizer),
    "activations": (keras.activations, None),
}


@keras.saving.register_keras_serializable("contract")
def sgd_for_all(variable):
    return keras.optimizers.SGD(momentum=0.9)


def halved(epoch, rate):
    return rate / 2


def averaging_model():
    model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(1)])
    model.compile(keras.optimizers.Adam(use_ema=True), loss="mse")
    return model


def features(batch):
    return tensors((batch, 4))


ARGUMENTS = {
    keras.optimizers.LossScaleOptimizer: lambda: {"inner_optimizer": keras.optimizers.SGD(0.01)},
    keras.optimizers.MultiOptimizer: {"optimizer_map": sgd_for_all},
    keras.regularizers.L1L2: {"l1": 0.01, "l2": 0.02},
    keras.activations.threshold: {"threshold": 0.6, "default_value": 0.2},
    schedules.CosineDecay: {"initial_learning_rate": 0.1, "decay_steps": 10},
    schedules.CosineDecayRestarts: {"initial_learning_rate": 0.1, "first_decay_steps": 10},
    schedules.ExponentialDecay: {
        "initial_learning_rate": 0.1,
        "decay_steps": 10,
        "decay_rate": 0.5,
    },
    schedules.InverseTimeDecay: {
        "initial_learning_rate": 0.1,
        "decay_steps": 10,
        "decay_rate": 0.5,
    },
    schedules.PiecewiseConstantDecay: {"boundaries": [2, 5], "values": [0.1, 0.05, 0.01]},
    schedules.PolynomialDecay: {"initial_learning_rate": 0.1, "decay_steps": 10},
    keras.callbacks.BackupAndRestore: {"backup_dir": "backup"},
    keras.callbacks.CSVLogger: {"filename": "log.csv"},
    keras.callbacks.LearningRateScheduler: {"schedule": halved},
    keras.callbacks.ModelCheckpoint: {"filepath": "best.keras"},
}
INPUTS = {
    keras.callbacks.SwapEMAWeights: lambda: st.just(averaging_model),
    keras.initializers.STFT: lambda: st.just((8, 1, 5)),
    keras.activations.glu: features,
}
BASES = {
    keras.Optimizer,
    keras.Initializer,
    keras.Regularizer,
    keras.callbacks.Callback,
    keras.callbacks.CallbackList,  # holds callbacks
    keras.constraints.Constraint,
    schedules.LearningRateSchedule,
}
# Contributions that need what is not installed here.
ABSENT = {keras.callbacks.OrbaxCheckpoint, keras.callbacks.RemoteMonitor}


def own(kind):
    namespace, base = NAMESPACES[kind]
    members = vars(namespace).items()
    if base is None:
        return {
            value
            for name, value in members
            if inspect.isfunction(value) and name not in ("get", "serialize", "deserialize")
        }
    return {value for _, value in members if inspect.isclass(value) and issubclass(value, base)}


def cases():
    for kind in NAMESPACES:
        for value in sorted(own(kind) - BASES - ABSENT, key=lambda value: value.__name__):
            inputs = INPUTS.get(value)
            yield kind, Case(value, inputs, arguments=ARGUMENTS.get(value, {}))


ITEMS = [
    item
    for kind, case in cases()
    for item in plan([Subject(kind, case.of, None, (case,))])
    if item.case
]
# Check -> message of its failure, where that is a fault of Keras; docs/contract.md explains each.
FAULTS = {
    "MultiOptimizer-skips_weights_without_gradients": "No gradients provided for any variable",
    "Nadam-updates_bfloat16": "the weights in bfloat16|_foreach_div",
    "ScheduleFreeAdamW-updates_bfloat16": "the weights in bfloat16",
    "SwapEMAWeights-works_in_evaluate_and_predict": "the weights after predict",
    "Identity-keeps_its_arguments": r"leaves out \['gain'\]",
    "Orthogonal-fills_the_shape": "geqrf_cpu|Unsupported dtype float16|attr 'T' of bfloat16",
    "OrthogonalRegularizer-is_defined_at_extremes": "for one row it gives nan",
    "OrthogonalRegularizer-gradient_is_defined_at_extremes": "the gradient is",
    "glu-activates_a_layer": "the inferred shape is",
}
ON_A_BACKEND = {
    "tensorflow": {
        "ScheduleFreeAdamW-compiles_as_an_optimizer": "compared with eager training",
        "OrthogonalRegularizer-function_works_in_half_precision": "expected to be a float tensor",
    },
    "jax": {"SwapEMAWeights-works_again": "donate the same buffer|not callable"},
    "torch": {},
}
FAULTS |= ON_A_BACKEND[keras.backend.backend()]


@pytest.mark.thorough
@pytest.mark.parametrize("item", ITEMS, ids=lambda item: item.label)
def test_keras(item):
    fault = FAULTS.get(item.label)
    try:
        with nullcontext() if fault is None else pytest.raises(Exception, match=fault):
            item.run()
    except SkipTest as skip:
        pytest.skip(str(skip))


def test_faults_are_documented():
    page = (Path(__file__).parents[2] / "docs" / "contract.md").read_text()
    names = {label.partition("-")[0] for label in FAULTS}
    assert not [name for name in names if f"`{name}`" not in page]
