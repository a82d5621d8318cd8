"""Kinds: which object may be contributed as what."""

import keras
import pytest

import kerasx
from kerasx.kinds import KINDS, describe, fits, kind_of


@kerasx.kernel
def squared(x):
    return x**2


KIND_OF = {
    "layers": keras.layers.Dense,
    "losses": keras.losses.Dice,
    "metrics": keras.metrics.Mean,
    "kernels": squared,
    "optimizers": keras.optimizers.Adam,
    "schedules": keras.optimizers.schedules.CosineDecay,
    "callbacks": keras.callbacks.EarlyStopping,
    "initializers": keras.initializers.Ones,
    "constraints": keras.constraints.UnitNorm,
    "regularizers": keras.regularizers.L2,
}


@pytest.mark.parametrize("kind", KIND_OF)
def test_kind_of_a_class_or_kernel(kind):
    assert kind_of(KIND_OF[kind]) == kind
    assert fits(kind, KIND_OF[kind])
    assert [name for name in KINDS if name != kind and fits(name, KIND_OF[kind])] == (
        [] if kind != "kernels" else [name for name in KINDS if KINDS[name].functions]
    )


@pytest.mark.parametrize("value", [str, "Dense", None, keras.activations.relu, 3])
def test_other_values_have_no_kind(value):
    assert kind_of(value) is None


def test_description():
    assert describe(keras.layers.Dense) == "the class Dense(Layer)"
    assert describe("Dense") == "'Dense'"
    assert describe(squared) == "an object of type Kernel"
