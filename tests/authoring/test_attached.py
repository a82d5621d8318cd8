"""Values attached to tensors: found by identity, gone with the tensor, kept by JAX's grad."""

import gc
import weakref
from typing import Any, NamedTuple

import keras
import numpy as np
import pytest
from keras import ops

from kerasx.authoring import _attached, attach, attached, mask_of, require
from kerasx.compiler import is_shape_inference


class Doubled(NamedTuple):
    """The value that `Double` attaches."""

    once: Any
    factor: float


class Other(NamedTuple):
    """A value of another class."""

    value: Any


class Double(keras.layers.Layer):
    """Attaches its input times a weight to twice that, which it returns."""

    def build(self, input_shape):
        self.scale = self.add_weight((), "ones")

    def call(self, inputs):
        once = inputs * self.scale
        twice = once * 2.0
        attach(twice, Doubled(once, 2.0))
        return twice


class Needs(keras.Loss):
    """The mean of the attached value."""

    def __call__(self, y_true, y_pred, sample_weight=None):
        doubled = require(y_pred, Doubled, by="needs", layer="Double", hint=". Hint")
        return ops.mean(y_pred if doubled is None else doubled.once * doubled.factor)


class Sees(keras.metrics.Mean):
    """The mean of the attached value; -1 where nothing is attached."""

    def update_state(self, y_true, y_pred, sample_weight=None):
        doubled = attached(y_pred, Doubled)
        super().update_state(-1.0 if doubled is None else doubled.once)


def test_a_record_is_of_its_tensor_and_its_class():
    tensor, like = ops.ones(3), ops.ones(3)
    attach(tensor, Doubled(like, 1.0))
    attach(tensor, Other(1))
    attach(tensor, Other(2))
    assert attached(tensor, Doubled).once is like
    assert attached(tensor, Other).value == 2
    assert attached(like, Doubled) is None
    assert attached(tensor + 0.0, Doubled) is None
    assert attached(np.ones(3), Doubled) is None


def test_a_record_is_gone_with_its_tensor():
    class Value:
        pass

    value, tensor = Value(), ops.ones(3)
    gone = weakref.ref(value)
    attach(tensor, value)
    del value
    assert gone() is not None
    del tensor
    gc.collect()
    assert gone() is None


WAYS = [{"jit_compile": False}, {"jit_compile": True}, {"run_eagerly": True}]
if keras.backend.backend() == "torch":
    WAYS = WAYS[::2]


@pytest.mark.parametrize("way", WAYS, ids=str)
def test_loss_and_metrics_find_it_in_fit_and_evaluate(way):
    model = keras.Sequential([Double()])
    model.compile(keras.optimizers.SGD(0.0), Needs(), metrics=[Sees(name="sees")], **way)
    x = np.arange(6, dtype="float32").reshape(6, 1)
    history = model.fit(x, x, batch_size=3, verbose=0, validation_data=(x, x)).history
    for prefix in ("", "val_"):
        assert history[f"{prefix}loss"][0] == pytest.approx(5.0)
        assert history[f"{prefix}sees"][0] == pytest.approx(2.5)
    gc.collect()
    assert not _attached._table


@pytest.mark.parametrize("way", WAYS[-1:], ids=str)
def test_an_operation_after_the_layer_is_an_error(way):
    model = keras.Sequential([Double(), keras.layers.Activation("softmax")])
    model.compile("sgd", Needs(), **way)
    with pytest.raises(
        ValueError, match=r"needs: y_pred, of shape \(6, 1\).*last layer.*own\. Hint"
    ):
        model.fit(np.ones((6, 1)), np.ones((6, 1)), verbose=0)


def test_shape_inference_is_known():
    assert not is_shape_inference()
    seen = []

    class Looks(keras.layers.Layer):
        def call(self, inputs):
            seen.append(is_shape_inference())
            return inputs

    layer = Looks()
    layer(keras.Input((3,)))
    layer(ops.ones((2, 3)))
    assert seen[0]
    assert not seen[-1]


@pytest.mark.skipif(keras.backend.backend() != "torch", reason="torch.compile")
@pytest.mark.parametrize("masked", [False, True])
def test_masks_in_code_that_torch_compiles(masked):
    import torch

    layer = keras.layers.Masking()

    def kept(x):
        mask = mask_of(layer(x) if masked else x)
        return x if mask is None else x[mask]

    x = ops.convert_to_tensor([[[1.0], [0.0], [2.0]]])
    compiled = torch.compile(kept, backend="eager")  # its usual backend takes minutes
    assert ops.convert_to_numpy(compiled(x)).size == (2 if masked else 3)
