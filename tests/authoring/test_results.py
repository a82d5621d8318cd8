"""Results that are arrays or dictionaries, and the numbers that stand for them."""

import pickle

import keras
import numpy as np
import pytest
from keras import ops

from kerasx.authoring import ArrayResult, DictResult, SumMetric


class Span(SumMetric):
    """The sums of both columns; the larger one stands for them."""

    direction = "up"

    def sum_shape(self):
        return (2,)

    def statistic(self, y_true, y_pred, sample_weight, mask):
        return ops.sum(ops.convert_to_tensor(y_pred), 0), False

    def summary(self, total):
        return total[1]


class Named(Span):
    """The same by name."""

    def formula(self, total):
        return {"low": total[0], "both": total}


def updated(metric_class, **arguments):
    metric = metric_class(**arguments)
    metric.update_state(None, [[1.0, 2.0], [3.0, 4.0]])
    return metric


def test_arrays():
    result = updated(Span).result()
    assert isinstance(result, ArrayResult)
    assert result.dtype == "float32"
    np.testing.assert_array_equal(result, [4, 6])
    assert float(result) == 6
    assert float(result[0]) == 4
    assert float(ArrayResult([[2.0]], summary=1.0).sum()) == 2
    with pytest.raises(TypeError):
        float(result * 2)  # another array, without a summary
    assert repr(result) == repr(np.asarray(result))
    assert float(pickle.loads(pickle.dumps(ArrayResult(2.0, summary=1.0)))) == 2


def test_dictionaries():
    result = updated(Named).result()
    assert isinstance(result, DictResult)
    assert float(result) == 6
    assert (list(result), len(result), result["low"]) == (["low", "both"], 2, 4.0)
    assert "both" in result
    assert "high" not in result
    assert result.get("high", 1) == 1
    assert dict(result.items()).keys() == dict(result).keys() == result.keys()
    assert repr(result) == "DictResult({'low': 4.0, 'both': array([4., 6.], dtype=float32)})"
    # TensorFlow and Keras take it for one value.
    assert keras.tree.flatten(result) == [result]


@pytest.mark.parametrize("metric_class", [Span, Named])
def test_compiled_code_returns_the_summary(metric_class):
    metric = updated(metric_class)
    backend = keras.backend.backend()
    if backend == "tensorflow":
        import tensorflow as tf

        logged = tf.function(metric.result)()
    elif backend == "jax":
        import jax

        variables = [variable.value for variable in metric.variables]
        logged = jax.jit(metric.stateless_result)(variables)
    else:
        pytest.skip("nothing is compiled on PyTorch")
    assert tuple(logged.shape) == ()
    assert float(logged) == 6


def test_the_whole_value():
    assert ops.is_tensor(updated(Span).value())
    np.testing.assert_array_equal(ops.convert_to_numpy(updated(Named).value()["both"]), [4, 6])


def test_dtypes():
    assert updated(Span, dtype="bfloat16").result().dtype == "float32"
    assert updated(Span, dtype="float64").result().dtype == "float64"


def test_a_formula_may_divide_by_zero():
    class Inverse(SumMetric):
        def statistic(self, y_true, y_pred, sample_weight, mask):
            return ops.sum(y_pred), False

        def formula(self, total):
            return 1 / total

    assert float(Inverse().result()) == float("inf")


@pytest.mark.parametrize("metric_class", [Span, Named])
def test_keras_logs_the_summary(metric_class):
    model = keras.Sequential([keras.Input((2,)), keras.layers.Identity()])
    model.compile(loss="mean_squared_error", metrics=[metric_class(name="span")])
    values = model.evaluate(np.ones((3, 2)), np.ones((3, 2)), 2, 0, return_dict=True)
    assert values["span"] == 3
