"""Cases: their dimensions, names, sizes and tolerances."""

from unittest import SkipTest

import keras
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kerasx.testing import Case, tensors
from kerasx.testing.case import by_position


def inputs(batch, channels):
    return tensors((batch, channels))


CASE = Case(keras.layers.Dense, inputs, arguments={"units": 4}, varies=("batch",))


def test_names_and_arguments():
    assert CASE.dimensions == ("batch", "channels")
    assert CASE.label == "Dense"
    assert Case(keras.layers.Dense, inputs, name="wide").label == "Dense-wide"
    assert CASE.make(use_bias=False).get_config()["units"] == 4
    assert Case(np.clip, inputs, arguments={"a_min": 0, "a_max": 1}).make()(3) == 1


def test_other_backends_are_skipped():
    used = keras.backend.backend()
    case = Case(keras.layers.Dense, inputs, arguments={"units": 4}, backends=("numpy", used))
    assert case.make().units == 4
    elsewhere = Case(keras.layers.Dense, inputs, arguments={"units": 4}, backends=("numpy",))
    with pytest.raises(SkipTest, match=r"^only exercised on numpy$"):
        elsewhere.make()

    @given(st.data())
    def draw(data):
        elsewhere.draw(data)

    with pytest.raises(SkipTest):
        draw()


def test_what_varies_must_be_a_dimension():
    message = r"Dense: varies names \['time'\]; the dimensions, .*, are \['batch', 'channels'\]"
    with pytest.raises(ValueError, match=message):
        Case(keras.layers.Dense, inputs, varies=("time",))


@given(st.data())
def test_inputs_are_optional(data):
    case = Case(keras.optimizers.SGD, arguments={"momentum": 0.9})
    assert case.dimensions == ()
    assert case.make().momentum == 0.9
    with pytest.raises(ValueError, match=r"SGD: inputs must be a function .*; received None"):
        case.draw(data)


def test_arguments_may_be_made_for_each_instance():
    wrapped = Case(
        keras.optimizers.LossScaleOptimizer,
        arguments=lambda: {"inner_optimizer": keras.optimizers.SGD()},
    )
    first, second = wrapped.make(), wrapped.make()
    assert first.inner_optimizer is not second.inner_optimizer


@given(st.data())
def test_sizes(data):
    sizes = CASE.draw_sizes(data)
    assert len({*sizes.values()}) == 2  # equal sizes would hide that two axes are exchanged
    assert CASE.draw(data, sizes).shape == (sizes["batch"], sizes["channels"])
    other = CASE.vary(data, sizes, batch=1)
    assert other == {"batch": 1, "channels": sizes["channels"]}
    assert CASE.draw_sizes(data, batch=9, time=5)["batch"] == 9


def test_tolerances_have_defaults():
    case = Case(keras.layers.Dense, inputs, tolerance={"float16": 0.1})
    assert case.close("float16") == 0.1
    assert case.close("float32") == CASE.close("float32") < CASE.close("bfloat16")


def test_inputs_are_passed_by_position_or_name():
    assert by_position((1, 2)) == ((1, 2), {})
    assert by_position({"a": 1}) == ((), {"a": 1})
    assert by_position(1) == ((1,), {})
