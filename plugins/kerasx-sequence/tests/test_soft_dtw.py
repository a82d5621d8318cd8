"""Soft-DTW beside the sum over all alignments, one by one, in float64."""

import keras
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from keras import ops

import kerasx
from kerasx.testing.numerics import Masked, as_numpy, compiled, gradients

# With masks, a size and a smoothing; of which there are few, as each is compiled.
SITUATIONS = [(False, (4, 3), 0.1), (False, (1, 4), 1.0), (True, (4, 3), 1.0), (True, (3, 4), 10.0)]

UPSTREAM = np.array([1.0, -2.0, 0.5], "float32")


def alignments(n, m):
    """Every monotone alignment of n steps to m, as lists of pairs."""
    if n == m == 1:
        return [[(0, 0)]]
    before = [(n - 1, m), (n, m - 1), (n - 1, m - 1)]
    shorter = [each for i, j in before if i and j for each in alignments(i, j)]
    return [[*each, (n - 1, m - 1)] for each in shorter]


def summed(x, y, gamma):
    """The definition: value, and gradients by the expected alignment."""
    pairs = ((x[:, None] - y[None]) ** 2).sum(-1)
    every = np.stack([np.zeros(pairs.shape)] * len(alignments(*pairs.shape)))
    for number, alignment in enumerate(alignments(*pairs.shape)):
        for pair in alignment:
            every[number][pair] = 1
    costs = -(every * pairs).sum((1, 2)) / gamma
    total = np.exp(costs - costs.max()).sum()
    share = (every * (np.exp(costs - costs.max()) / total)[:, None, None]).sum(0)
    of_x = 2 * (share[..., None] * (x[:, None] - y[None])).sum(1)
    of_y = 2 * (share[..., None] * (y[None] - x[:, None])).sum(0)
    return -gamma * (np.log(total) + costs.max()), of_x, of_y


def drawn(n, m, seed, batch=3):
    random = np.random.default_rng(seed)
    scale = random.choice([0.01, 1.0, 30.0])
    return [(random.normal(size=(batch, size, 2)) * scale).astype("float32") for size in (n, m)]


def masks_of(n, m, seed, batch=3):
    """Masks with holes, which leave something."""
    random = np.random.default_rng(seed)
    found = [random.random((batch, size)) < 0.6 for size in (n, m)]
    for mask in found:
        mask[np.arange(batch), random.integers(0, mask.shape[1], batch)] = True
    return found


@pytest.mark.parametrize(("masked", "size", "gamma"), SITUATIONS)
@given(seed=st.integers(0, 2**16))
def test_value_and_gradient_are_those_of_all_alignments(masked, size, gamma, seed):
    x, y = drawn(*size, seed)
    masks = masks_of(*size, seed) if masked else [np.ones(each.shape[:2], bool) for each in (x, y)]
    given = dict(zip(("x_mask", "y_mask"), masks, strict=True)) if masked else {}

    def total(x, y):
        costs = kerasx.kernels.soft_dtw(x, y, gamma=gamma, **given)
        return ops.sum(ops.multiply(UPSTREAM, costs))

    found = as_numpy(kerasx.kernels.soft_dtw(x, y, gamma=gamma, **given))
    slopes = gradients(total, [x, y])
    for row in range(len(x)):
        kept = [mask[row] for mask in masks]
        exact = [each[row][mask].astype("float64") for each, mask in zip((x, y), kept, strict=True)]
        value, *expected = summed(*exact, gamma)
        np.testing.assert_allclose(found[row], value, rtol=2e-5, atol=2e-5)
        for slope, wanted, mask in zip(slopes, expected, kept, strict=True):
            # Rounding of costs is magnified by 1 / gamma where alignments tie.
            allowed = 1e-4 * max(1, np.abs(wanted).max(), abs(value) / gamma / 50)
            slope_of_cost = slope[row][mask] / UPSTREAM[row]
            np.testing.assert_allclose(slope_of_cost, wanted, rtol=0, atol=allowed)
            assert (slope[row][~mask] == 0).all()


def test_compiled_gradient_of_fifty_steps_is_that_of_finite_differences():
    random = np.random.default_rng(0)
    x, y = random.normal(size=(2, 50, 3)), random.normal(size=(2, 41, 3))

    def exact(x, y, gamma=0.5):
        found = []
        for pairs in ((x[:, :, None] - y[:, None]) ** 2).sum(-1):
            table = np.full((x.shape[1] + 1, y.shape[1] + 1), np.inf)
            table[0, 0] = 0
            for i in range(1, len(table)):
                for j in range(1, len(table[0])):
                    three = np.array([table[i - 1, j], table[i, j - 1], table[i - 1, j - 1]])
                    smooth = three.min() - gamma * np.log(
                        np.exp((three.min() - three) / gamma).sum()
                    )
                    table[i, j] = pairs[i - 1, j - 1] + smooth
            found.append(table[-1, -1])
        return np.array(found)

    def total(x, y):
        return ops.sum(kerasx.kernels.soft_dtw(x, y, gamma=0.5))

    run = compiled(total)
    floats = [x.astype("float32"), y.astype("float32")]
    assert float(run(*map(ops.convert_to_tensor, floats))) == pytest.approx(
        exact(x, y).sum(), rel=1e-5
    )
    slope = gradients(run, floats)[0]
    along = random.normal(size=x.shape)
    difference = (exact(x + 1e-5 * along, y) - exact(x - 1e-5 * along, y)).sum() / 2e-5
    assert (slope * along).sum() == pytest.approx(difference, rel=1e-4)


def test_half_precision_is_computed_in_float32():
    random = np.random.default_rng(0)
    x, y = ((100 * random.normal(size=(2, size, 2))).astype("float16") for size in (4, 3))
    found = kerasx.kernels.soft_dtw(x, y)
    assert keras.backend.standardize_dtype(found.dtype) == "float32"
    expected = [summed(*(each[row].astype("float64") for each in (x, y)), 1.0)[0] for row in (0, 1)]
    np.testing.assert_allclose(as_numpy(found), expected, rtol=1e-5)


def test_sequences_without_steps():
    x, y = drawn(3, 2, 0)
    x_mask = np.array([[False] * 3, [False] * 3, [True] * 3])
    y_mask = np.array([[False] * 2, [True] * 2, [True] * 2])
    found = as_numpy(kerasx.kernels.soft_dtw(x, y, x_mask=x_mask, y_mask=y_mask))
    assert found[0] == 0
    assert found[1] == np.inf
    assert np.isfinite(found[2])


def test_loss_leaves_masked_and_padded_steps_out():
    y_pred, y_true = drawn(4, 3, 1)
    mask, kept = masks_of(4, 3, 1)
    y_true[np.arange(3), kept.argmax(1), 0] = 9.0  # which one channel may be
    padded = np.where(kept[..., None], y_true, 9.0).astype("float32")
    loss = kerasx.losses.SoftDTW(gamma=0.7, mask_value=9.0, reduction=None)
    given = Masked()([ops.convert_to_tensor(y_pred), ops.convert_to_tensor(mask)])
    found = as_numpy(loss(padded, given, np.array([[1.0], [2.0], [0.0]])))
    expected = [
        summed(y_pred[row][mask[row]].astype("float64"), y_true[row][kept[row]], 0.7)[0]
        for row in range(3)
    ]
    np.testing.assert_allclose(found, np.array(expected) * [1, 2, 0], rtol=1e-5, atol=1e-5)


def test_it_trains_a_model_of_masked_sequences():
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
        kerasx.kernels.soft_dtw(*drawn(2, 2, 0), gamma=gamma)


def test_shapes_that_do_not_fit_raise():
    x, y = drawn(3, 2, 0)
    with pytest.raises(ValueError, match="channels is 1 in it"):
        kerasx.losses.SoftDTW()(y[..., :1], x)
    with pytest.raises(ValueError, match="sample_weight must have shape"):
        kerasx.losses.SoftDTW()(y, x, np.ones((3, 3)))
