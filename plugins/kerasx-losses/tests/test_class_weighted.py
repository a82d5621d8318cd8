"""`ClassWeighted` against explicit sample weights in Keras, float64 in NumPy, and PyTorch."""

import keras
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from keras import ops
from sklearn.utils.class_weight import compute_class_weight

import kerasx
from kerasx.testing import labels, tensors, weights
from kerasx_losses.class_weights import weights_of_labels, weights_of_rows

ClassWeighted = kerasx.losses.ClassWeighted
Sparse = keras.losses.SparseCategoricalCrossentropy
Categorical = keras.losses.CategoricalCrossentropy
Binary = keras.losses.BinaryCrossentropy
CLASSES = 3
OF_CLASSES = [1.5, 0.25, 4.0]
REDUCTIONS = ["sum_over_batch_size", "sum", "mean", "mean_with_sample_weight", None]
# Equal sizes are those that Keras confuses: as many samples as steps or as classes.
SHAPES = [(4,), (3,), (3, 3), (2, 5), (2, 3, 4), (3, 3, 3), (2, 2, 3, 2)]
RANDOM = np.random.default_rng(0)


def numbers(tensor):
    return np.asarray(ops.convert_to_numpy(tensor), "float64")


def assert_equal(actual, expected):
    np.testing.assert_allclose(numbers(actual), numbers(expected), rtol=2e-5, atol=1e-6)


def softmax_nll(logits):
    """Return minus the log-probability of each class, in float64."""
    logits = logits.astype("float64")
    return np.log(np.exp(logits).sum(-1, keepdims=True)) - logits


def binary_nll(logits):
    """Return minus the log-probability of the labels 0 and 1 on a last axis."""
    return softmax_nll(np.concatenate([np.zeros_like(logits), logits], -1))


def reduce(losses, weight, reduction):
    """Weight and reduce as Keras documents it."""
    weighted = losses * weight
    if reduction is None:
        return weighted
    divisors = {"sum": 1, "mean_with_sample_weight": weight.sum() or 1}
    return weighted.sum() / divisors.get(reduction, losses.size)


# Values


LABELS = st.sampled_from(["integers", "integers with an axis", "one-hot", "soft"])


@given(st.data(), st.sampled_from(SHAPES), LABELS, st.sampled_from(REDUCTIONS), st.booleans())
def test_classes_equal_sample_weights_and_float64(data, shape, form, reduction, weighted):
    y = data.draw(labels(shape, CLASSES))
    logits = data.draw(tensors((*shape, CLASSES)))
    weight = data.draw(weights(shape)) if weighted else None
    shares = np.eye(CLASSES)[y]
    if form == "soft":
        shares = 0.7 * shares + 0.3 * np.eye(CLASSES)[RANDOM.permutation(y.ravel()).reshape(shape)]
    y_true = {"integers": y, "integers with an axis": y[..., None]}.get(
        form, shares.astype("float32")
    )
    loss = (Sparse if "integers" in form else Categorical)(from_logits=True, reduction=reduction)
    explicit = (shares @ OF_CLASSES) * (1 if weight is None else weight.astype("float64"))

    actual = ClassWeighted(loss, OF_CLASSES)(y_true, logits, weight)
    assert_equal(actual, loss(y_true, logits, explicit))
    assert_equal(actual, reduce((shares * softmax_nll(logits)).sum(-1), explicit, reduction))


@given(
    st.data(),
    st.sampled_from([*SHAPES, (7, 1)]),
    st.sampled_from(["plain", "with an axis", "soft"]),
    st.sampled_from(REDUCTIONS),
)
def test_binary_labels_equal_sample_weights_and_float64(data, shape, form, reduction):
    y = data.draw(labels((*shape, 1), 2, "uint8"))
    logits = data.draw(tensors((*shape, 1)))
    if form == "soft":
        y = (0.1 + 0.8 * y).astype("float32")
    shares = np.concatenate([1 - y, y], -1).astype("float64")
    explicit = shares @ [0.5, 3.0]
    loss = Binary(from_logits=True, reduction=reduction)

    y_true = y[..., 0] if form == "plain" else y
    actual = ClassWeighted(loss, [0.5, 3.0])(y_true, logits)
    assert_equal(actual, loss(y, logits, explicit))
    assert_equal(actual, reduce((shares * binary_nll(logits)).sum(-1), explicit, reduction))


@pytest.mark.parametrize("y_true", [[0, 1, 1], [[0], [1], [1]]])
def test_predictions_of_one_axis_are_binary(y_true):
    """Keras reads them as one sample of three labels, whose loss is one number."""
    logits = np.array([0.3, -1.0, 2.0], "float32")
    loss = ClassWeighted(Binary(from_logits=True, reduction=None), {1: 5})
    expected = binary_nll(logits[:, None])[range(3), [0, 1, 1]] * [1, 5, 5]
    assert_equal(loss(y_true, logits), expected)


FUNCTIONS = {
    "sparse_categorical_crossentropy": "integers",
    "SparseCategoricalCrossentropy": "integers",
    "categorical_crossentropy": "one-hot",
    "categorical_focal_crossentropy": "one-hot",
    "kl_divergence": "one-hot",
    "mse": "one-hot",
    "binary_crossentropy": "one-hot",
    "categorical_hinge": "one-hot",
    "bce": "binary",
    "binary_focal_crossentropy": "binary",
    "hinge": "binary",
}


@pytest.mark.parametrize("by_name", [True, False])
@pytest.mark.parametrize(("name", "form"), FUNCTIONS.items())
def test_functions_and_names(name, form, by_name):
    shape = (4, 4)
    y = RANDOM.integers(0, 2 if form == "binary" else CLASSES, shape)
    y_pred = RANDOM.dirichlet(np.ones(CLASSES), shape).astype("float32")
    y_true = np.eye(CLASSES, dtype="float32")[y]
    if form == "binary":
        y_true, y_pred = y[..., None], y_pred[..., :1]
    elif form == "integers":
        y_true = y
    function = keras.losses.get(name)
    loss = ClassWeighted(name if by_name else function, {1: 3.0}, reduction=None)
    losses = getattr(function, "call", function)(
        *map(ops.convert_to_tensor, (y_true.astype("float32"), y_pred))
    )
    assert_equal(loss(y_true, y_pred), numbers(losses) * np.where(y == 1, 3.0, 1.0))


@pytest.mark.parametrize("reduction", REDUCTIONS)
@pytest.mark.parametrize("ignored", [255, 0, -1])
@pytest.mark.parametrize("dtype", ["uint8", "int32"])
def test_ignored_class(ignored, reduction, dtype):
    if ignored == -1 and dtype == "uint8":
        pytest.skip("no such label")
    shape = (3, 3, 3)
    y = RANDOM.integers(0, CLASSES, shape)
    logits = RANDOM.normal(size=(*shape, CLASSES)).astype("float32")
    y_true = np.where(RANDOM.random(shape) < 0.4, ignored, y)
    kept = y_true != ignored
    explicit = np.take(OF_CLASSES, y) * kept
    loss = ClassWeighted(
        Sparse(from_logits=True, ignore_class=ignored, reduction=reduction), OF_CLASSES
    )
    losses = np.take_along_axis(softmax_nll(logits), y[..., None], -1)[..., 0]
    expected = losses * explicit if reduction is None else 0
    if reduction is not None:
        expected = reduce(losses[kept], explicit[kept], reduction)
    assert_equal(loss(y_true.astype(dtype), logits), expected)


def test_many_classes_in_narrow_integers():
    """200 and 255 are classes of their own; none wraps."""
    y = np.array([[0, 127, 128], [200, 255, 1]], "uint8")
    logits = RANDOM.normal(size=(2, 3, 256)).astype("float32")
    loss = ClassWeighted(Sparse(from_logits=True, reduction=None), {128: 2.0, 255: 7.0})
    losses = np.take_along_axis(softmax_nll(logits), y[..., None].astype(int), -1)[..., 0]
    assert_equal(loss(y, logits), losses * [[1, 1, 2], [1, 7, 1]])


@pytest.mark.parametrize("shape", [(), (4,), (4, 1), (4, 4), (4, 4, 1)])
def test_sample_weights_of_the_first_axes(shape):
    """A weight of shape `(batch,)` weighs samples, even if there are as many steps as samples."""
    y, logits = RANDOM.integers(0, 3, (4, 4)), RANDOM.normal(size=(4, 4, 3)).astype("float32")
    weight = RANDOM.uniform(0, 2, shape).astype("float32")
    loss = ClassWeighted(Sparse(from_logits=True, reduction=None), OF_CLASSES)
    losses = np.take_along_axis(softmax_nll(logits), y[..., None], -1)[..., 0]
    of_samples = weight.reshape(shape[:2] + (1,) * (2 - len(shape))) if shape else weight
    assert_equal(loss(y, logits, weight), losses * np.take(OF_CLASSES, y) * of_samples)


@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
@pytest.mark.parametrize("form", ["integers", "one-hot"])
def test_half_precision(form, dtype):
    y, logits = RANDOM.integers(0, 3, (5, 4)), RANDOM.normal(size=(5, 4, 3)).astype("float32")
    rows = 0.9 * np.eye(3, dtype="float32")[y] + 0.1 / 3
    y_true = y if form == "integers" else ops.cast(rows, dtype)
    loss = (Sparse if form == "integers" else Categorical)(from_logits=True, dtype=dtype)
    weighted = ClassWeighted(loss, OF_CLASSES)
    value = weighted(y_true, ops.cast(logits, dtype))
    assert keras.backend.standardize_dtype(value.dtype) == weighted.dtype == dtype
    shares = np.eye(3)[y] if form == "integers" else rows
    expected = ((shares * softmax_nll(logits)).sum(-1) * (shares @ OF_CLASSES)).mean()
    np.testing.assert_allclose(numbers(ops.cast(value, "float32")), expected, rtol=0.03)


def test_the_mean_of_pytorch():
    torch = pytest.importorskip("torch")
    y, logits = RANDOM.integers(0, 3, (4, 4)), RANDOM.normal(size=(4, 4, 3)).astype("float32")
    theirs = torch.nn.functional.cross_entropy(
        torch.tensor(logits).reshape(-1, 3), torch.tensor(y).ravel(), torch.tensor(OF_CLASSES)
    )
    ours = ClassWeighted(Sparse(from_logits=True), OF_CLASSES, reduction="mean_with_sample_weight")
    assert_equal(ours(y, logits), float(theirs))


def test_balanced_weights_of_the_documentation():
    assert "counts = np.bincount(y.ravel()); class_weight = y.size / (len(counts) * counts)" in (
        ClassWeighted.__doc__
    )
    y = RANDOM.integers(0, 3, (5, 4))
    counts = np.bincount(y.ravel())
    class_weight = y.size / (len(counts) * counts)
    expected = compute_class_weight("balanced", classes=np.arange(3), y=y.ravel())
    np.testing.assert_allclose(class_weight, expected)
    assert ClassWeighted("mse", class_weight).class_weight == pytest.approx(list(expected))


def test_independent_binary_labels_with_an_axis_of_one():
    """The way that the documentation shows for multi-hot labels."""
    y = RANDOM.integers(0, 2, (5, 4))
    logits = RANDOM.normal(size=(5, 4)).astype("float32")
    of_labels = np.tile([1.0, 2.0, 0.5, 4.0], (5, 1))
    loss = ClassWeighted(Binary(from_logits=True, reduction="sum"), {1: 5.0})
    actual = loss(y[..., None], logits[..., None], of_labels)
    losses = np.take_along_axis(binary_nll(logits[..., None]), y[..., None], -1)[..., 0]
    assert_equal(actual, (losses * of_labels * np.where(y == 1, 5, 1)).sum())


@given(labels((2, 5), 4), weights((4,)))
def test_weights_of_one_hot_rows_are_those_of_labels(y, class_weights):
    rows = np.eye(4, dtype="float32")[y]
    by_label = weights_of_labels(y, ops.convert_to_tensor(class_weights))
    by_row = weights_of_rows(ops.convert_to_tensor(rows), ops.convert_to_tensor(class_weights))
    np.testing.assert_array_equal(numbers(by_label), numbers(by_row))
    np.testing.assert_array_equal(numbers(by_label), class_weights[y])


# Arguments


@pytest.mark.parametrize(
    "class_weight",
    [
        {np.int64(1): np.float32(2), 0.0: 1},
        {1: 2, 0: 1},
        [1, 2, 1],
        (1.0, 2.0, 1.0),
        np.array([1, 2, 1], "float32"),
    ],
    ids=str,
)
def test_forms_of_class_weight(class_weight):
    loss = ClassWeighted(Sparse(reduction=None), class_weight)
    value = loss([0, 1, 2], np.full((3, 3), 1 / 3, "float32"))
    assert_equal(value, np.log(3) * np.array([1, 2, 1]))


@pytest.mark.parametrize(
    "class_weight",
    [
        {},
        [],
        {0: -1.0},
        {0: float("nan")},
        [1.0, float("inf")],
        {-1: 1.0},
        {0.5: 1.0},
        {float("nan"): 1.0},
        {True: 1.0},
        {"cat": 1.0},
        {0: "2"},
        {0: None},
        {0: [1.0, 2.0]},
        [[1.0, 2.0]],
        [True, False],
        "balanced",
        None,
        2.0,
    ],
    ids=str,
)
def test_wrong_class_weight(class_weight):
    with pytest.raises(ValueError, match=r"class_weighted: class_weight must be a dictionary"):
        ClassWeighted("mse", class_weight)


@pytest.mark.parametrize(
    ("y_pred", "class_weight", "message"),
    [
        ((4, 3), {3: 2.0}, "must be a dictionary with classes below 3, .* received {3: 2.0}"),
        ((4, 1), {2: 2.0}, "must be a dictionary with classes below 2"),
        ((4, 3), [1.0, 2.0], r"must have shape \(3,\), .* received \(2,\)"),
        ((4, 1), [1.0, 2.0, 3.0], r"must have shape \(2,\)"),
    ],
)
def test_class_weight_of_other_classes(y_pred, class_weight, message):
    loss = ClassWeighted(Sparse(), class_weight)
    with pytest.raises(ValueError, match=f"class_weighted: class_weight {message}"):
        loss(np.zeros(4, "int32"), np.zeros(y_pred, "float32"))


@pytest.mark.parametrize("loss", ["no_such_loss", None, 3, ["mse"], {"a": "mse"}, "crossentropy"])
def test_wrong_loss(loss):
    with pytest.raises(ValueError, match="class_weighted: loss must be a keras"):
        ClassWeighted(loss, [1.0, 2.0])


@pytest.mark.parametrize("loss", [keras.losses.Dice(), Categorical(axis=1)])
def test_loss_over_another_axis(loss):
    with pytest.raises(ValueError, match=r"loss must be a loss over classes on the last axis"):
        ClassWeighted(loss, [1.0, 2.0])


@pytest.mark.parametrize("loss", ["dice", "tversky", lambda y, p: ops.mean(p)])
def test_loss_without_a_value_for_each_sample(loss):
    """Keras multiplies its one value by the mean of the weights, and says nothing."""
    rows = np.eye(3, dtype="float32")
    with pytest.raises(
        ValueError, match=r"the result of loss \(.*\) must have shape \(3,\), a value"
    ):
        ClassWeighted(loss, [1.0, 2.0, 1.0])(rows, rows)


class SumOfSquares(keras.Loss):
    """A loss with a reduction of its own, as those that read what is attached to predictions."""

    def __call__(self, y_true, y_pred, sample_weight=None):
        values = ops.mean(ops.square(ops.convert_to_tensor(y_true) - y_pred), -1)
        return ops.sum(values * ops.cast(sample_weight, values.dtype))


def test_loss_that_reduces_itself():
    y, y_pred = RANDOM.integers(0, 3, 5), RANDOM.normal(size=(5, 3)).astype("float32")
    rows = np.eye(3, dtype="float32")[y]
    expected = (((rows - y_pred) ** 2).mean(-1) * np.take(OF_CLASSES, y)).sum()
    assert_equal(ClassWeighted(SumOfSquares(reduction="sum"), OF_CLASSES)(rows, y_pred), expected)
    with pytest.raises(ValueError, match=r"reduction must be 'sum', because .*; received 'mean'"):
        ClassWeighted(SumOfSquares(reduction="sum"), OF_CLASSES, reduction="mean")


@pytest.mark.parametrize("ignored", [None, -100, [-100, 2]])
def test_loss_of_a_language_model(ignored):
    """It reads what the head has attached to the predictions."""
    head = kerasx.layers.LanguageModelHead(5)
    logits = head(RANDOM.normal(size=(3, 3, 4)).astype("float32"))
    y = RANDOM.integers(0, 5, (3, 3))
    y_true = y if ignored is None else np.where([[1, 1, 0]] * 3, y, -100)
    class_weight = [1.0, 3.0, 0.5, 2.0, 1.0]
    loss = ClassWeighted(kerasx.losses.LinearCrossEntropy(ignore_class=ignored), class_weight)
    losses = np.take_along_axis(softmax_nll(numbers(logits)), y[..., None], -1)[..., 0]
    kept = ~np.isin(y_true, [] if ignored is None else ignored)
    assert_equal(loss(y_true, logits), (losses * np.take(class_weight, y))[kept].mean())
    if ignored is not None:
        with pytest.raises(
            ValueError, match=r"whole numbers from 0 to 4, .*, or ignore_class=.*-100"
        ):
            loss(np.full_like(y, -1), logits)


def test_tags_are_no_scores():
    crf = kerasx.layers.CRF(3, use_kernel=False)
    tags = crf(np.zeros((2, 4, 3), "float32"))
    with pytest.raises(ValueError, match="class_weighted: y_pred must be floating scores"):
        ClassWeighted(kerasx.losses.CRFLoss(), {1: 2.0})(np.zeros((2, 4), "int32"), tags)


# Labels


WRONG = {
    "above": (
        [0, 3],
        (2, 3),
        r"whole numbers from 0 to 2, the classes of y_pred of shape \(2, 3\)",
    ),
    "below": ([0, -1], (2, 3), "whole numbers from 0 to 2"),
    "not whole": ([0, 0.5], (2, 3), "whole numbers from 0 to 2"),
    "binary": ([0, 2], (2, 1), "labels from 0 to 1"),
    "signs": ([-1, 1], (2, 1), "labels from 0 to 1"),
    "multi-hot": ([[1, 1, 0], [0, 1, 0]], (2, 3), "rows that sum to 1, .* another last axis of 1"),
    "no label": ([[0, 0, 0], [0, 1, 0]], (2, 3), "rows that sum to 1"),
    "negative": ([[2, -1, 0], [0, 1, 0]], (2, 3), "rows that sum to 1"),
    "NaN": ([[np.nan, 1, 0], [0, 1, 0]], (2, 3), "rows that sum to 1"),
    "a label per cell": ([[0, 1, 1, 1], [1, 1, 0, 1]], (2, 4), "rows that sum to 1"),
}


@pytest.mark.parametrize(("y_true", "shape", "message"), WRONG.values(), ids=WRONG)
def test_wrong_labels(y_true, shape, message):
    loss = ClassWeighted("mse", {1: 2.0})
    with pytest.raises(ValueError, match=f"class_weighted: y_true must hold {message}"):
        loss(y_true, np.full(shape, 0.5, "float32"))


@pytest.mark.parametrize("form", ["integers", "multi-hot"])
def test_wrong_labels_are_nan_in_compiled_code(form):
    y_true = {"integers": [0, 3], "multi-hot": [[1, 1, 0], [0, 1, 0]]}[form]
    loss = Sparse() if form == "integers" else Categorical()
    model = keras.Sequential([keras.Input((3,)), keras.layers.Softmax()])
    model.compile(loss=ClassWeighted(loss, {1: 2.0}))
    if form == "integers" and keras.backend.backend() != "jax":
        pytest.skip("Keras's own loss raises")
    if keras.backend.backend() == "torch":
        pytest.skip("nothing is compiled")
    assert np.isnan(model.evaluate(np.eye(3)[:2], np.array(y_true), verbose=0))


@pytest.mark.parametrize(
    ("y_true", "y_pred", "message"),
    [
        ((4, 5), (4, 3), r"y_true must have shape \(4, 3\), that of y_pred, or whole labels"),
        ((4, 4), (4, 4, 3), None),
        ((4, 5), (4, 4, 3), r"y_true must have shape \(4, 4\), a label for each sample"),
        ((4,), (4, 4, 3), "y_true must have shape"),
        ((3, 1), (4, 3), "y_true must have shape"),
        ((4,), (5, 1), "y_true must have shape"),
        ((4, 2), (4, 1), "y_true must have shape"),
        ((4,), (), "y_pred must be floating scores"),
    ],
)
def test_shapes(y_true, y_pred, message):
    loss = ClassWeighted(Sparse(), {1: 2.0})
    y_true, y_pred = np.zeros(y_true, "int32"), np.full(y_pred, 0.3, "float32")
    if message is None:
        loss(y_true, y_pred)
    else:
        with pytest.raises(ValueError, match=f"class_weighted: {message}"):
            loss(y_true, y_pred)


def test_labels_that_do_not_count_are_not_checked():
    logits = RANDOM.normal(size=(3, 3)).astype("float32")
    loss = ClassWeighted(Categorical(from_logits=True, reduction="sum"), OF_CLASSES)
    rows = np.array([[1, 0, 0], [0, 0, 0], [0, 1, 0]], "float32")
    nll = softmax_nll(logits)
    assert_equal(loss(rows, logits, [1.0, 0.0, 1.0]), nll[0, 0] * 1.5 + nll[2, 1] * 0.25)


@pytest.mark.parametrize("argument", ["y_true", "y_pred", "sample_weight"])
def test_strings(argument):
    values = {"y_true": [0, 1], "y_pred": np.full((2, 3), 0.3, "float32"), "sample_weight": [1, 1]}
    values[argument] = ["cat", "dog"]
    with pytest.raises(ValueError, match=f"class_weighted: {argument} must be an array of numbers"):
        ClassWeighted(Sparse(), {1: 2.0})(**values)
