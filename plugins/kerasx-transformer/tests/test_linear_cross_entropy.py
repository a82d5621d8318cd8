"""The kernel linear_cross_entropy against its definition in float64, and its errors."""

import re

import keras
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from keras import ops
from scipy.special import log_softmax, logsumexp

import kerasx
from kerasx.testing.numerics import compiled, gradients
from kerasx_transformer.linear_cross_entropy import LossOptions, checked_cross_entropy

BACKEND = keras.backend.backend()
kernel = kerasx.kernels.linear_cross_entropy


@kerasx.kernel(static=kernel.static)
def in_chunks(
    features,
    weight,
    labels,
    *,
    bias=None,
    ignore_class=None,
    label_smoothing=0.0,
    z_loss=0.0,
    logit_softcap=None,
    sample_weight=None,
    reduction=None,
):
    """The kernel with chunks of four rows, so that small inputs have several."""
    return checked_cross_entropy(
        features,
        weight,
        labels,
        bias=bias,
        sample_weight=sample_weight,
        ignore_class=ignore_class,
        logit_softcap=logit_softcap,
        options=LossOptions(label_smoothing, z_loss),
        reduction=reduction,
        max_rows=4,
    )


def definition(
    features,
    weight,
    labels,
    bias,
    sample_weight,
    upstream,
    *,
    ignore_class=None,
    label_smoothing=0.0,
    z_loss=0.0,
    logit_softcap=None,
    reduction=None,
):
    """The loss, and the gradients of its product with `upstream`, in float64."""
    features, weight, bias, sample_weight = (
        np.asarray(each, "float64") for each in (features, weight, bias, sample_weight)
    )
    raw = features @ weight + bias
    logits = raw if logit_softcap is None else logit_softcap * np.tanh(raw / logit_softcap)
    classes = weight.shape[1]
    counted = ~np.isin(labels, [] if ignore_class is None else ignore_class)
    target = np.eye(classes)[np.where(counted, labels, 0)]
    target = (1 - label_smoothing) * target + label_smoothing / classes
    normalizer = logsumexp(logits, -1)
    with np.errstate(invalid="ignore"):
        entropy = np.where(target > 0, target * log_softmax(logits, -1), 0)
    loss = counted * (-entropy.sum(-1) + z_loss * normalizer**2)
    if reduction == "mean":
        upstream = upstream / max(counted.sum(), 1)
    slopes = np.exp(logits - normalizer[..., None]) * (1 + 2 * z_loss * normalizer)[..., None]
    slopes = (slopes - target) * (upstream * sample_weight * counted)[..., None]
    if logit_softcap is not None:
        slopes = slopes * (1 - (logits / logit_softcap) ** 2)
    actual = [
        slopes @ weight.T,
        features.reshape(-1, weight.shape[0]).T @ slopes.reshape(-1, classes),
        slopes.reshape(-1, classes).sum(0),
        upstream * loss,
    ]
    loss = loss * sample_weight
    if reduction:
        loss = loss.sum() / (max(counted.sum(), 1) if reduction == "mean" else 1)
    return loss, actual


def computed_in_chunks(arrays, labels, upstream, options, dtype="float32"):
    def loss(*tensors):
        features, weight, bias, sample_weight = (ops.cast(each, dtype) for each in tensors)
        return in_chunks(
            features, weight, labels, bias=bias, sample_weight=sample_weight, **options
        )

    def scalar(*tensors):
        return ops.sum(loss(*tensors) * ops.convert_to_tensor(upstream))

    return ops.convert_to_numpy(loss(*map(ops.convert_to_tensor, arrays))), gradients(
        compiled(scalar), arrays
    )


def inputs(seed, shape, channels, classes, scale=1.0):
    random = np.random.default_rng(seed)
    arrays = [
        random.normal(size=(*shape, channels)) * scale,
        random.normal(size=(channels, classes)),
        random.normal(size=classes),
        random.random(shape),
    ]
    labels = random.integers(0, classes, shape).astype("int32")
    return [each.astype("float32") for each in arrays], labels, random


def close(actual, expected, tolerance=1e-5):
    for ours, theirs in zip(actual, expected, strict=True):
        theirs = np.asarray(theirs)
        ours = ops.convert_to_numpy(ours)
        np.testing.assert_allclose(
            ours, theirs, rtol=0, atol=tolerance * max(1.0, np.abs(theirs).max(initial=0))
        )


EVERY = {"z_loss": 0.1, "logit_softcap": 2.0, "label_smoothing": 0.3, "ignore_class": 2}
WAYS = {
    "per position": ({}, (4,), 3, 2),
    "sum": ({"reduction": "sum"}, (13,), 2, 11),
    "mean": ({"ignore_class": -100, "reduction": "mean"}, (3, 5), 4, 7),
    "several ignored": ({"ignore_class": (-100, 2, 300), "reduction": "mean"}, (3, 5), 4, 7),
    "all smoothed": ({"label_smoothing": 1.0}, (2, 1, 3), 1, 5),
    "of one": ({"z_loss": 0.5, "reduction": "mean"}, (1,), 1, 1),
    "every option, per position": (EVERY, (3, 5), 4, 7),
    "every option, mean": (EVERY | {"reduction": "mean"}, (3, 5), 4, 7),
}


@pytest.mark.parametrize("way", WAYS)
def test_equals_its_definition(way):
    options, shape, channels, classes = WAYS[way]
    arrays, labels, random = inputs(7, shape, channels, classes, scale=3.0)
    ignored = np.ravel(options.get("ignore_class", 0))
    if ignored[0] < 0:
        labels[random.random(shape) < 0.4] = ignored[0]
    of_loss = () if "reduction" in options else shape
    upstream = random.normal(size=of_loss).astype("float32")
    loss, actual = computed_in_chunks(arrays, labels, upstream, options)
    features, weight, bias, sample_weight = arrays
    expected = definition(features, weight, labels, bias, sample_weight, upstream, **options)
    assert loss.shape == of_loss
    close([loss], [expected[0]])
    close(actual, expected[1])
    at_once = kernel(features, weight, labels, bias=bias, sample_weight=sample_weight, **options)
    close([at_once], [expected[0]])


@given(
    seed=st.integers(0, 2**16),
    scale=st.sampled_from([0.0, 1e-3, 1.0, 1e4]),
    ties=st.booleans(),
    ignored=st.sampled_from([0.0, 0.5, 1.0]),
    reduction=st.sampled_from([None, "mean"]),
)
def test_extreme_logits(seed, scale, ties, ignored, reduction):
    """All mass on one class, all logits equal, all positions ignored."""
    arrays, labels, random = inputs(seed, (9,), 2, 5, scale)
    arrays = [np.round(each) for each in arrays] if ties else arrays
    labels[random.random(9) < ignored] = -1
    upstream = np.float32(1) if reduction else np.ones(9, "float32")
    options = {"ignore_class": -1, "reduction": reduction}
    loss, actual = computed_in_chunks(arrays, labels, upstream, options)
    features, weight, bias, sample_weight = arrays
    expected = definition(features, weight, labels, bias, sample_weight, upstream, **options)
    close([loss], [expected[0]])
    # float32 cannot tell large logits apart that differ by less than their spacing, and a
    # probability changes by the difference of two logits.
    spacing = np.spacing(np.abs(features @ weight + bias).max(initial=0))
    close(actual, expected[1], max(1e-4, 2 * spacing))
    if ignored == 1.0:
        assert not np.any(loss)
        assert not any(np.any(each) for each in actual)


def test_impossible_classes():
    """Classes whose bias is minus infinity, as a mask over the vocabulary sets it."""
    arrays, labels, _ = inputs(0, (9,), 3, 6)
    arrays[2][[0, 4]] = -np.inf
    labels[:] = np.where(np.isin(labels, [0, 4]), 1, labels)
    for reduction, upstream in [(None, np.ones(9, "float32")), ("sum", np.float32(1))]:
        loss, actual = computed_in_chunks(arrays, labels, upstream, {"reduction": reduction})
        features, weight, bias, sample_weight = arrays
        expected = definition(
            features, weight, labels, bias, sample_weight, upstream, reduction=reduction
        )
        close([loss], [expected[0]])
        close(actual, expected[1])


@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
@pytest.mark.parametrize("reduction", [None, "sum"])
def test_half_precision(dtype, reduction):
    """float32 losses; gradients in the dtype of the inputs, added up in float32."""
    number = 400
    arrays, labels, _ = inputs(1, (number,), 4, 5)
    arrays[0] = np.abs(arrays[0])
    arrays = [ops.convert_to_numpy(ops.cast(ops.cast(each, dtype), "float32")) for each in arrays]
    upstream = np.float32(1) if reduction else np.ones(number, "float32")
    loss, actual = computed_in_chunks(arrays, labels, upstream, {"reduction": reduction}, dtype)
    features, weight, bias, sample_weight = arrays
    expected = definition(
        features, weight, labels, bias, sample_weight, upstream, reduction=reduction
    )
    assert loss.dtype == "float32"
    close([loss], [expected[0]], 1e-4)
    # A hundred chunks that are added up in bfloat16 are off by 3e-2.
    close(actual, expected[1], 1e-3 if dtype == "float16" else 5e-3)
    half = [ops.convert_to_tensor(each, dtype) for each in (features, weight)]
    assert keras.backend.standardize_dtype(kernel(*half, labels).dtype) == "float32"


@pytest.mark.parametrize("weighted", [False, True])
def test_means_as_keras_means(weighted):
    arrays, labels, random = inputs(3, (3, 5), 4, 7)
    features, weight, bias, sample_weight = arrays
    labels[random.random(labels.shape) < 0.3] = -1
    theirs = keras.losses.SparseCategoricalCrossentropy(from_logits=True, ignore_class=-1)
    given = {"sample_weight": sample_weight} if weighted else {}
    expected = theirs(labels, features @ weight + bias, **given)
    ours = kernel(features, weight, labels, bias=bias, ignore_class=-1, reduction="mean", **given)
    assert float(ours) == pytest.approx(float(expected), rel=1e-5)


@pytest.mark.parametrize("reduction", [None, "mean"])
@pytest.mark.parametrize("wrong", [-1, 7, 2**32 + 1])
def test_labels_that_are_no_class(wrong, reduction):
    if wrong > 7 and BACKEND == "jax":
        pytest.skip("has no int64")
    (features, weight, _, _), labels, _ = inputs(0, (9,), 3, 7)
    labels = labels.astype("int64")
    labels[5] = wrong
    labels = ops.convert_to_tensor(labels)
    features, weight = map(ops.convert_to_tensor, (features, weight))
    with pytest.raises(ValueError, match=rf"labels.*0 to 6.*ignore_class=-100.*{wrong}"):
        in_chunks.function(features, weight, labels, ignore_class=-100, reduction=reduction)
    with pytest.raises(ValueError, match=rf"labels.*ignore_class=\(-100, 9\).*{wrong}"):
        in_chunks.function(features, weight, labels, ignore_class=(-100, 9), reduction=reduction)
    if BACKEND == "torch":
        return
    loss, actual = computed_in_chunks(
        [features, weight, np.zeros(7, "float32"), np.ones(9, "float32")],
        labels,
        np.float32(1),
        {"reduction": reduction},
    )
    assert np.isnan(loss if reduction else loss[5]).all()
    assert np.isnan(actual[1]).any()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"label_smoothing": 1.5}, "label_smoothing.*from 0 to 1.*1.5"),
        ({"logit_softcap": 0.0}, "logit_softcap.*above 0.*0.0"),
        ({"reduction": "none"}, "reduction.*'sum', 'mean'.*'none'"),
        ({"bias": np.zeros(6, "float32")}, "`bias`.*vocabulary.*7"),
        ({"sample_weight": np.zeros(8, "float32")}, "`sample_weight`.*9"),
        ({"labels": np.zeros((9, 1), "int32")}, "`labels`.*9"),
        ({"labels": np.zeros(9, "float32")}, "`labels`.*int.*float32"),
        ({"weight": np.zeros((4, 7), "float32")}, "`weight`.*d.*3"),
    ],
)
def test_arguments_out_of_range(arguments, message):
    (features, weight, _, _), labels, _ = inputs(0, (9,), 3, 7)
    given = {"features": features, "weight": weight, "labels": labels} | arguments
    with pytest.raises((ValueError, TypeError), match=message):
        kernel(**given)


@pytest.mark.parametrize("reduction", [None, "sum"])
def test_never_holds_all_logits(reduction):
    """Positions and vocabulary are in no shape together, forward and backward."""
    (features, weight, _, _), labels, _ = inputs(0, (44,), 3, 53)

    def loss(features, weight):
        return ops.sum(in_chunks.function(features, weight, labels, reduction=reduction))

    def both(features, weight):
        return loss(features, weight), *gradients_of(loss, features, weight)

    shapes = shapes_of(both, features, weight)
    assert {(4, 53), (3, 53)} <= shapes
    assert not any(len(shape) > 1 and np.prod(shape) >= 44 * 53 for shape in shapes), shapes


def gradients_of(loss, *tensors):
    """Gradients within traced code."""
    if BACKEND == "tensorflow":
        import tensorflow as tf

        with tf.GradientTape() as tape:
            tape.watch(tensors)
            value = loss(*tensors)
        return tape.gradient(value, tensors)
    if BACKEND == "jax":
        import jax

        return jax.grad(loss, (0, 1))(*tensors)
    import torch

    return torch.autograd.grad(loss(*tensors), tensors)


def shapes_of(function, *arrays):
    """Shapes of all that is computed: by the compiled program, on PyTorch by its operations."""
    tensors = [ops.convert_to_tensor(array) for array in arrays]
    if BACKEND == "tensorflow":
        text = compiled(function).experimental_get_compiler_ir(*tensors)(stage="optimized_hlo")
    elif BACKEND == "jax":
        text = compiled(function).lower(*tensors).compile().as_text()
    else:
        from torch.utils._python_dispatch import TorchDispatchMode

        class Recorded(TorchDispatchMode):
            def __init__(self):
                super().__init__()
                self.shapes = set()

            def __torch_dispatch__(self, operation, types, args=(), kwargs=None):
                result = operation(*args, **(kwargs or {}))
                for each in keras.tree.flatten(result):
                    self.shapes.add(tuple(getattr(each, "shape", ())))
                return result

        tensors = [tensor.requires_grad_() for tensor in tensors]
        with Recorded() as recorded:
            function(*tensors)
        return recorded.shapes
    actual = re.findall(r"f32\[([\d,]+)\]", text)
    return {tuple(map(int, shape.split(","))) for shape in actual}


@pytest.mark.skipif(BACKEND != "tensorflow", reason="other backends trace with sizes")
@pytest.mark.parametrize("jit", [True, False])
@pytest.mark.parametrize("reduction", [None, "mean"])
def test_number_of_positions_unknown_when_traced(reduction, jit):
    """As in a training step that Keras traces for batches of any size."""
    import tensorflow as tf

    @tf.function(
        jit_compile=jit,
        autograph=False,
        input_signature=[
            tf.TensorSpec((None, None, 3)),
            tf.TensorSpec((3, 7)),
            tf.TensorSpec((None, None), "int32"),
        ],
    )
    def step(features, weight, labels):
        with tf.GradientTape() as tape:
            tape.watch([features, weight])
            loss = tf.reduce_sum(in_chunks(features, weight, labels, reduction=reduction))
        return loss, tape.gradient(loss, [features, weight])

    for shape in [(3, 5), (1, 2), (4, 4)]:
        (features, weight, _, _), labels, _ = inputs(0, shape, 3, 7)
        loss, actual = step(features, weight, labels)
        expected = definition(
            features, weight, labels, np.zeros(7), np.ones(shape), 1.0, reduction=reduction
        )
        close([loss], [np.sum(expected[0])])
        close(actual, expected[1][:2])


def test_in_a_model_for_any_number_of_positions():
    (features, weight, _, _), labels, _ = inputs(0, (3, 5), 3, 7)
    symbols = keras.Input((None, 3)), keras.Input((None,), dtype="int32")
    model = keras.Model(symbols, kernel(symbols[0], ops.convert_to_tensor(weight), symbols[1]))
    assert model.output.shape == (None, None)
    for length in (5, 2):
        given = features[:, :length], labels[:, :length]
        expected = definition(given[0], weight, given[1], np.zeros(7), np.ones((3, length)), 1.0)
        close([model.predict(given, verbose=0)], [expected[0]])


@pytest.mark.parametrize("reduction", [None, "sum", "mean"])
def test_no_position(reduction):
    loss = kernel(
        ops.zeros((0, 3)), ops.ones((3, 7)), ops.zeros((0,), "int32"), reduction=reduction
    )
    assert ops.convert_to_numpy(loss).sum() == 0
