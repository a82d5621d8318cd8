"""Soft-DTW, compared with a sum over all alignments, one by one, in float64."""

import keras
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from keras import ops

import kerasx
from kerasx.testing.numerics import Masked, as_numpy, compiled, gradients

# (masked, sizes, gamma). The list is short, because each entry is compiled.
SITUATIONS = [(False, (4, 3), 0.1), (False, (1, 4), 1.0), (True, (4, 3), 1.0), (True, (3, 4), 10.0)]

UPSTREAM = np.array([1.0, -2.0, 0.5], "float32")


def alignments(n, m):
    """List all monotone alignments of n steps to m, as lists of pairs."""
    if n == m == 1:
        return [[(0, 0)]]
    before = [(n - 1, m), (n, m - 1), (n - 1, m - 1)]
    shorter = [alignment for i, j in before if i and j for alignment in alignments(i, j)]
    return [[*alignment, (n - 1, m - 1)] for alignment in shorter]


def definition(x, y, gamma):
    """Return the value, and gradients from the expected alignment."""
    pairs = ((x[:, None] - y[None]) ** 2).sum(-1)
    masks = np.zeros((len(alignments(*pairs.shape)), *pairs.shape))
    for mask, alignment in zip(masks, alignments(*pairs.shape), strict=True):
        for pair in alignment:
            mask[pair] = 1
    exponents = -(masks * pairs).sum((1, 2)) / gamma
    weights = np.exp(exponents - exponents.max())
    total = weights.sum()
    share = (masks * (weights / total)[:, None, None]).sum(0)
    x_slope = 2 * (share[..., None] * (x[:, None] - y[None])).sum(1)
    y_slope = 2 * (share[..., None] * (y[None] - x[:, None])).sum(0)
    return -gamma * (np.log(total) + exponents.max()), x_slope, y_slope


def draw_sequences(n, m, seed, batch=3):
    random = np.random.default_rng(seed)
    scale = random.choice([0.01, 1.0, 30.0])
    return [(random.normal(size=(batch, size, 2)) * scale).astype("float32") for size in (n, m)]


def draw_masks(n, m, seed, batch=3):
    """Draw masks with holes that keep at least one step."""
    random = np.random.default_rng(seed)
    masks = [random.random((batch, size)) < 0.6 for size in (n, m)]
    for mask in masks:
        mask[np.arange(batch), random.integers(0, mask.shape[1], batch)] = True
    return masks


@pytest.mark.parametrize(("masked", "size", "gamma"), SITUATIONS)
@given(seed=st.integers(0, 2**16))
def test_value_and_gradient_equal_sums_over_all_alignments(masked, size, gamma, seed):
    x, y = draw_sequences(*size, seed)
    options = {}
    masks = [np.ones(sequence.shape[:2], bool) for sequence in (x, y)]
    if masked:
        masks = draw_masks(*size, seed)
        options = dict(zip(("x_mask", "y_mask"), masks, strict=True))

    def total(x, y):
        costs = kerasx.kernels.soft_dtw(x, y, gamma=gamma, **options)
        return ops.sum(ops.multiply(UPSTREAM, costs))

    costs = as_numpy(kerasx.kernels.soft_dtw(x, y, gamma=gamma, **options))
    slopes = gradients(total, [x, y])
    for row in range(len(x)):
        x_mask, y_mask = (mask[row] for mask in masks)
        exact = x[row][x_mask].astype("float64"), y[row][y_mask].astype("float64")
        value, *expected = definition(*exact, gamma)
        np.testing.assert_allclose(costs[row], value, rtol=2e-5, atol=2e-5)
        for slope, exact_slope, mask in zip(slopes, expected, (x_mask, y_mask), strict=True):
            # The rounding error of costs is divided by gamma where alignments tie.
            tolerance = 1e-4 * max(1, np.abs(exact_slope).max(), abs(value) / gamma / 50)
            cost_slope = slope[row][mask] / UPSTREAM[row]
            np.testing.assert_allclose(cost_slope, exact_slope, rtol=0, atol=tolerance)
            assert (slope[row][~mask] == 0).all()


def test_compiled_gradient_of_fifty_steps_equals_finite_differences():
    random = np.random.default_rng(0)
    x, y = random.normal(size=(2, 50, 3)), random.normal(size=(2, 41, 3))

    def exact(x, y, gamma=0.5):
        costs = []
        for pairs in ((x[:, :, None] - y[:, None]) ** 2).sum(-1):
            table = np.full((x.shape[1] + 1, y.shape[1] + 1), np.inf)
            table[0, 0] = 0
            for i in range(1, len(table)):
                for j in range(1, len(table[0])):
                    cells = np.array([table[i - 1, j], table[i, j - 1], table[i - 1, j - 1]])
                    soft_minimum = cells.min() - gamma * np.log(
                        np.exp((cells.min() - cells) / gamma).sum()
                    )
                    table[i, j] = pairs[i - 1, j - 1] + soft_minimum
            costs.append(table[-1, -1])
        return np.array(costs)

    def total(x, y):
        return ops.sum(kerasx.kernels.soft_dtw(x, y, gamma=0.5))

    run = compiled(total)
    floats = [x.astype("float32"), y.astype("float32")]
    assert float(run(*map(ops.convert_to_tensor, floats))) == pytest.approx(
        exact(x, y).sum(), rel=1e-5
    )
    slope = gradients(run, floats)[0]
    direction = random.normal(size=x.shape)
    difference = (exact(x + 1e-5 * direction, y) - exact(x - 1e-5 * direction, y)).sum() / 2e-5
    assert (slope * direction).sum() == pytest.approx(difference, rel=1e-4)


def test_half_precision_is_computed_in_float32():
    random = np.random.default_rng(0)
    x, y = ((100 * random.normal(size=(2, size, 2))).astype("float16") for size in (4, 3))
    costs = kerasx.kernels.soft_dtw(x, y)
    assert keras.backend.standardize_dtype(costs.dtype) == "float32"
    x, y = x.astype("float64"), y.astype("float64")
    expected = [definition(x[row], y[row], 1.0)[0] for row in (0, 1)]
    np.testing.assert_allclose(as_numpy(costs), expected, rtol=1e-5)


def test_sequences_without_steps():
    x, y = draw_sequences(3, 2, 0)
    x_mask = np.array([[False] * 3, [False] * 3, [True] * 3])
    y_mask = np.array([[False] * 2, [True] * 2, [True] * 2])
    costs = as_numpy(kerasx.kernels.soft_dtw(x, y, x_mask=x_mask, y_mask=y_mask))
    assert costs[0] == 0
    assert costs[1] == np.inf
    assert np.isfinite(costs[2])


def test_loss_leaves_masked_and_padded_steps_out():
    y_pred, y_true = draw_sequences(4, 3, 1)
    mask, kept = draw_masks(4, 3, 1)
    y_true[np.arange(3), kept.argmax(1), 0] = 9.0  # one channel may have the mask value
    padded = np.where(kept[..., None], y_true, 9.0).astype("float32")
    loss = kerasx.losses.SoftDTW(gamma=0.7, mask_value=9.0, reduction=None)
    masked = Masked()([ops.convert_to_tensor(y_pred), ops.convert_to_tensor(mask)])
    losses = as_numpy(loss(padded, masked, np.array([[1.0], [2.0], [0.0]])))
    expected = [
        definition(y_pred[row][mask[row]].astype("float64"), y_true[row][kept[row]], 0.7)[0]
        for row in range(3)
    ]
    np.testing.assert_allclose(losses, np.array(expected) * [1, 2, 0], rtol=1e-5, atol=1e-5)


def test_loss_trains_a_model_of_masked_sequences():
    inputs = keras.Input((5, 2))
    outputs = keras.layers.Dense(2)(keras.layers.Masking()(inputs))
    model = keras.Model(inputs, outputs)
    model.compile(keras.optimizers.SGD(0.02), kerasx.losses.SoftDTW(gamma=0.1, mask_value=0.0))
    x = np.random.default_rng(0).normal(size=(8, 5, 2)).astype("float32")
    x[:4, 3:] = 0
    y = np.repeat(x, 2, 1)
    history = model.fit(x, y, batch_size=8, epochs=3, verbose=0).history["loss"]
    assert history[-1] < history[0]


@pytest.mark.parametrize("gamma", [0.0, -1.0, float("nan")])
def test_gamma_out_of_range_raises(gamma):
    with pytest.raises(ValueError, match="gamma must be above 0"):
        kerasx.losses.SoftDTW(gamma)
    with pytest.raises(ValueError, match="gamma must be above 0"):
        kerasx.kernels.soft_dtw(*draw_sequences(2, 2, 0), gamma=gamma)


def test_shapes_that_do_not_match_raise():
    x, y = draw_sequences(3, 2, 0)
    with pytest.raises(ValueError, match="channels is 1 in it"):
        kerasx.losses.SoftDTW()(y[..., :1], x)
    with pytest.raises(ValueError, match="sample_weight must have shape"):
        kerasx.losses.SoftDTW()(y, x, np.ones((3, 3)))
