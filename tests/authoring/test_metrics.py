"""`SumMetric` and `MeanMetric`: exact, weighted and masked sums, merging, reloading, errors."""

import math

import keras
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from keras import ops

from kerasx.authoring import MeanMetric, SumMetric, argument, check_shape, refuse
from kerasx.testing.numerics import Masked

BACKEND = keras.backend.backend()


@keras.saving.register_keras_serializable("test_authoring")
class RootMeanPower(MeanMetric):
    exponent: float = argument(default=2.0, kw_only=False)

    def values(self, y_true, y_pred):
        check_shape(self.name, "y_true", y_true.shape, y_pred.shape)
        return ops.abs(y_true - y_pred) ** self.exponent

    def formula(self, mean):
        return mean ** (1 / self.exponent)


class Hits(MeanMetric):
    def values(self, y_true, y_pred):
        return ops.equal(y_true, y_pred)


class Tally(SumMetric):
    """Counts of the labels 0 and 1."""

    ignored: int = argument(default=-1)

    def sum_shape(self):
        return (2,)

    def statistic(self, y_true, y_pred, sample_weight, mask):
        y_true = ops.cast(ops.convert_to_tensor(y_true), "int32")
        out_of_range = (y_true != self.ignored) & ((y_true < 0) | (y_true > 1))
        wrong = refuse(self.name, "y_true", out_of_range, y_true, "0 and 1")
        return ops.stack([ops.sum(ops.cast(y_true == label, "int32")) for label in (0, 1)]), wrong

    def formula(self, total):
        return {f"{self.name}_zeros": total[0], f"{self.name}_ones": total[1]}


@st.composite
def batches(draw):
    shape = draw(st.sampled_from([(3,), (2, 4), (3, 2, 2)]))
    random = np.random.default_rng(draw(st.integers(0, 99)))
    y_true, y_pred = random.normal(size=(2, *shape)).astype("float32")
    weight = mask = None
    if draw(st.booleans()):
        axes = draw(st.integers(1, len(shape)))
        weight = random.integers(0, 4, shape[:axes]).astype("float32")
    if draw(st.booleans()):
        axes = draw(st.integers(1, len(shape)))
        mask = random.integers(0, 2, shape[:axes]).astype("bool")
    return y_true, y_pred, weight, mask


def masked(values, mask):
    if mask is None:
        return ops.convert_to_tensor(values)
    return Masked()([ops.convert_to_tensor(values), ops.convert_to_tensor(mask)])


def spread_in_numpy(values, shape, filling):
    if values is None:
        return np.full(shape, filling)
    return np.broadcast_to(values.reshape(values.shape + (1,) * (len(shape) - values.ndim)), shape)


@given(st.lists(batches(), min_size=1, max_size=3))
def test_mean_of_batches(data):
    metric = RootMeanPower(3.0)
    errors, weights = [], []
    for y_true, y_pred, weight, mask in data:
        metric.update_state(y_true, masked(y_pred, mask), weight)
        weight = spread_in_numpy(weight, y_true.shape, 1.0)
        mask = spread_in_numpy(mask, y_true.shape, True)
        errors.extend((np.abs(y_true.astype("float64") - y_pred) ** 3).ravel())
        weights.extend((weight * mask).ravel())
    total = np.sum(weights)
    expected = (np.dot(errors, weights) / total) ** (1 / 3) if total else math.nan
    np.testing.assert_allclose(float(metric.result()), expected, rtol=1e-6)
    np.testing.assert_allclose(metric.sums, [np.dot(errors, weights), total], rtol=1e-6)


def test_no_samples():
    metric = RootMeanPower()
    assert math.isnan(float(metric.result()))
    metric.update_state(np.zeros((0, 3), "float32"), np.zeros((0, 3), "float32"))
    assert math.isnan(float(metric.result()))
    metric.update_state(np.ones(2, "float32"), np.zeros(2, "float32"), np.zeros(2))
    assert math.isnan(float(metric.result()))
    metric.update_state(np.ones(2, "float32"), np.zeros(2, "float32"))
    assert float(metric.result()) == 1.0
    metric.reset_state()
    assert math.isnan(float(metric.result()))


def test_values_of_weight_zero_may_be_nan():
    metric = RootMeanPower()
    metric.update_state([math.nan, 1.0], [0.0, 0.0], [0.0, 1.0])
    metric.update_state([math.nan, 1.0], masked(np.zeros(2, "float32"), np.array([False, True])))
    assert float(metric.result()) == 1.0


def test_bool_values_are_counted_exactly():
    metric = Hits()
    metric.total.assign(np.array([[2.0**40, 2.0**40], [0.0, 0.0]]))
    for _ in range(3):
        metric.update_state(np.array([0, 1, 2]), np.array([0, 1, 1]))
    assert metric.sums.tolist() == [2**40 + 6, 2**40 + 9]


def test_sums_do_not_drift():
    metric = RootMeanPower(1.0)
    for _ in range(1000):
        metric.update_state(np.zeros(1, "float32"), np.full(1, 0.1, "float32"))
    expected = 1000 * float(np.float32(0.1))
    assert metric.sums[0] == pytest.approx(expected, rel=1e-13)


@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
def test_half_precision(dtype):
    metric = RootMeanPower()
    y_pred = ops.cast(np.full(1000, 3.0), dtype)
    metric.update_state(ops.cast(np.full(1000, 300.0), dtype), y_pred)  # the square is 88,209
    error = float(ops.convert_to_numpy(ops.cast(ops.cast(300.0, dtype), "float32"))) - 3
    assert float(metric.result()) == pytest.approx(error, rel=1e-5)


def test_weights_that_do_not_fit():
    for weight in (np.ones(2), np.ones((3, 3)), np.ones((3, 2, 1, 1))):
        with pytest.raises(ValueError, match=r"root_mean_power: sample_weight must have the shape"):
            RootMeanPower().update_state(np.zeros((3, 2)), np.zeros((3, 2)), weight)
    with pytest.raises(ValueError, match=r"y_true must have shape \(3, 2\); received \(2, 3\)"):
        RootMeanPower().update_state(np.zeros((2, 3)), np.zeros((3, 2)))


def test_weights_with_an_axis_of_one():
    metric = RootMeanPower()
    metric.update_state(np.ones(2, "float32"), np.zeros(2, "float32"), np.array([[1.0], [0.0]]))
    assert metric.sums.tolist() == [1.0, 1.0]


def test_merge():
    metrics = [Tally() for _ in range(3)]
    for metric in metrics[:2]:
        metric.total.assign(np.array([[2.0**40, 2.0**40], [0.0, 0.0]]))
        metric.update_state([0, 1, 1, -1], None)
    metrics[0].merge_state(metrics[1:])
    assert metrics[0].sums.tolist() == [2**41 + 2, 2**41 + 4]


def test_only_alike_metrics_merge():
    with pytest.raises(ValueError, match=r"takes metrics of Tally with .*; received Hits"):
        Tally().merge_state([Hits()])
    with pytest.raises(ValueError, match=r"'ignored': -1.*received Tally with {'ignored': 3}"):
        Tally().merge_state([Tally(ignored=3)])
    with pytest.raises(ValueError, match="received Mean"):
        Tally().merge_state([keras.metrics.Mean()])
    Tally().merge_state([Tally(name="other", dtype="float16")])


def test_results_may_be_dictionaries():
    metric = Tally(name="tally", dtype="float16")
    metric.update_state([0, 1, 1], None)
    result = metric.result()
    assert {name: float(value) for name, value in result.items()} == {
        "tally_zeros": 1.0,
        "tally_ones": 2.0,
    }
    assert {keras.backend.standardize_dtype(value.dtype) for value in result.values()} == {
        "float16"
    }


def test_wrong_values_raise_in_eager_mode():
    metric = Tally()
    with pytest.raises(ValueError, match=r"tally: y_true must hold 0 and 1; received \[0, 2\]"):
        metric.update_state([0, 2], None)
    assert not metric.sums.any()


@pytest.mark.skipif(BACKEND == "torch", reason="PyTorch has no compiled step here")
def test_wrong_values_give_nan_in_compiled_code():
    metric = Tally(name="tally")

    def step(variables, y_true):
        variables = metric.stateless_update_state(variables, y_true, None)
        return metric.stateless_result(variables)

    if BACKEND == "jax":
        import jax

        step = jax.jit(step)
    else:
        import tensorflow as tf

        step = tf.function(step, jit_compile=True, autograph=False)
    variables = [variable.value for variable in metric.variables]
    right = step(variables, ops.convert_to_tensor([0, 1, -1]))
    assert {name: float(value) for name, value in right.items()} == {
        "tally_zeros": 1,
        "tally_ones": 1,
    }
    wrong = step(variables, ops.convert_to_tensor([0, 1, 2]))
    assert all(math.isnan(float(value)) for value in wrong.values())


def model_with(metric):
    model = keras.Sequential([keras.Input((3, 2)), keras.layers.Masking(), keras.layers.ReLU()])
    model.compile(loss="mse", weighted_metrics=[metric])
    return model


def test_in_a_model_that_reloads(tmp_path):
    random = np.random.default_rng(0)
    x, y = random.normal(size=(2, 8, 3, 2)).astype("float32")
    x[:, 1] = 0  # masked
    weight = random.uniform(size=(8, 3)).astype("float32")
    model = model_with(RootMeanPower(3.0, name="power"))
    values = model.evaluate(x, y, batch_size=3, sample_weight=weight, return_dict=True, verbose=0)
    errors = np.abs(np.maximum(x, 0) - y)[:, [0, 2]] ** 3
    expected = np.average(errors.mean(2), weights=weight[:, [0, 2]]) ** (1 / 3)
    assert values["power"] == pytest.approx(expected, rel=1e-5)
    model.save(tmp_path / "model.keras")
    again = keras.models.load_model(tmp_path / "model.keras")
    again = again.evaluate(x, y, batch_size=3, sample_weight=weight, return_dict=True, verbose=0)
    assert again["power"] == pytest.approx(values["power"], rel=1e-6)


def test_in_fit():
    x = np.ones((4, 3, 2), "float32")
    model = keras.Sequential([keras.Input((3, 2)), keras.layers.Dense(2)])
    model.compile(loss="mse", metrics=[RootMeanPower()])
    history = model.fit(x, x, verbose=0).history
    assert history["root_mean_power"][0] == pytest.approx(history["loss"][0] ** 0.5, rel=1e-5)


def test_one_variable():
    (variable,) = RootMeanPower().variables
    assert (variable.name, tuple(variable.shape), variable.dtype) == ("total", (2, 2), "float32")
