"""Buckets: lengths are rounded up, and neither values nor gradients show it."""

import keras
import numpy as np
import pytest
from keras import ops

import kerasx
from kerasx.compiler import round_up
from kerasx.testing.numerics import compiled, gradients

BACKEND = keras.backend.backend()
BUCKETS = BACKEND != "torch"  # where nothing is compiled there is nothing to save
seen = []


@kerasx.kernel(
    shapes={"x": "... time d", "weight": "d", "mask": "bool ... time"},
    returns=("... time", "...", "any d"),
    bucket={"time": "power_of_two", "d": 4},
    pad={"mask": False, "weight": 1},
)
def pooled(x, weight, mask=None):
    seen.append((tuple(x.shape), mask is not None))
    scores = ops.sum(x * weight, -1)
    if mask is None:
        mask = ops.ones_like(scores, "bool")
    chance = ops.exp(scores) * ops.cast(mask, scores.dtype)
    chance = chance / ops.sum(chance, -1, keepdims=True)
    return chance, ops.sum(chance * scores, -1), weight


def plain(x, weight, mask=None):
    scores = (x * weight).sum(-1)
    chance = np.exp(scores) * (1 if mask is None else mask)
    chance = chance / chance.sum(-1, keepdims=True)
    return chance, (chance * scores).sum(-1), weight


def drawn(*shape):
    random = np.random.default_rng(len(seen))
    mask = random.random(shape[:-1]) < 0.5
    mask[..., 0] = True
    return random.normal(size=shape), random.normal(size=shape[-1:]), mask


def as_float32(arrays):
    return [array if array.dtype == bool else array.astype("float32") for array in arrays]


def test_values_are_those_of_the_reference_and_programs_are_few():
    seen.clear()
    for length in (1, 3, 4, 5, 6, 7, 8):
        for masked in (True, False):
            arrays = drawn(2, length, 3)[: 3 if masked else 2]
            actual = pooled(*as_float32(arrays))
            for ours, theirs in zip(actual, plain(*arrays), strict=True):
                assert tuple(ours.shape) == theirs.shape
                np.testing.assert_allclose(ops.convert_to_numpy(ours), theirs, rtol=1e-4, atol=1e-5)
    if BUCKETS:
        assert seen == [((2, length, 4), True) for length in (1, 4, 8)]


@pytest.mark.parametrize("masked", [True, False])
def test_gradients_are_those_of_float64(masked):
    x, weight, mask = drawn(2, 5, 3)
    mask = mask if masked else None

    def scalar(x, weight):
        chance, mean, _ = pooled(x, weight, mask)
        return ops.sum(chance * chance) + ops.sum(mean)

    def number(x, weight):
        chance, mean, _ = plain(x, weight, mask)
        return (chance * chance).sum() + mean.sum()

    actual = gradients(scalar, as_float32((x, weight)))
    for ours, which in zip(actual, (x, weight), strict=True):
        slopes = np.zeros_like(which)
        for place in np.ndindex(which.shape):
            was, values = which[place], []
            for step in (1e-6, -1e-6):
                which[place] = was + step
                values.append(number(x, weight))
            which[place] = was
            slopes[place] = (values[0] - values[1]) / 2e-6
        np.testing.assert_allclose(ours, slopes, rtol=1e-3, atol=1e-4)


def test_within_compiled_code_shapes_are_its_own():
    seen.clear()
    step = compiled(lambda x, weight: pooled(x * 1, weight)[0])
    assert tuple(step(*map(ops.convert_to_tensor, as_float32(drawn(2, 5, 3)[:2]))).shape) == (2, 5)
    assert seen == [((2, 5, 3), False)]


@pytest.mark.skipif(BACKEND != "tensorflow", reason="others trace each shape")
def test_in_a_graph_for_any_length_padding_changes_nothing():
    import tensorflow as tf

    @tf.function(input_signature=[tf.TensorSpec((2, None, 3)), tf.TensorSpec((3,))])
    def step(x, weight):
        with tf.GradientTape() as tape:
            tape.watch(x)
            chance, mean, _ = pooled(x, weight)
            loss = tf.reduce_sum(mean)
        return chance, mean, tape.gradient(loss, x)

    for length in (1, 3, 4, 5):
        x, weight, _ = drawn(2, length, 3)
        chance, mean, slope = step(*as_float32((x, weight)))
        assert tuple(chance.shape) == (2, length)
        assert tuple(slope.shape) == x.shape
        wanted = plain(x, weight)
        np.testing.assert_allclose(chance, wanted[0], rtol=1e-4, atol=1e-5)
        np.testing.assert_allclose(mean, wanted[1], rtol=1e-4, atol=1e-5)
        centred = (x @ weight) - wanted[1][:, None]
        slopes = (wanted[0] * (1 + centred))[..., None] * weight
        np.testing.assert_allclose(slope, slopes, rtol=1e-4, atol=1e-5)
    assert seen[-1][1]  # padding needs a mask, which nobody gave


@pytest.mark.skipif(BACKEND != "tensorflow", reason="only TensorFlow rounds such sizes up")
def test_an_axis_that_is_an_argument_is_rounded_up_after_eight_shapes():
    sizes = []

    @kerasx.kernel(static=("axis",))
    def running(x, axis=0):
        sizes.append(x.shape[axis])
        return ops.cumsum(x, axis)

    def missing(x, axis=0):
        return round_up(ops.shape(x)[axis], 8) - ops.shape(x)[axis]

    def pad(x, axis=0):
        size, widths = ops.shape(x)[axis], [(0, 0), (0, 0)]
        widths[axis] = (0, missing(x, axis))
        kept = (slice(None),) * axis + (slice(size),)
        return {"x": ops.pad(x, widths)}, lambda sums: sums[kept]

    running.round_up_by(missing, pad)
    for size in (*range(11, 21), 24):
        x = np.random.default_rng(size).random((size, 2), "float32")
        for axis in (0, 1):
            values = x if axis == 0 else x.T
            sums = np.cumsum(values, axis)
            np.testing.assert_allclose(running(values, axis=axis), sums, rtol=1e-5)
    assert sizes[:8] == [11, 11, 12, 12, 13, 13, 14, 14]
    exact, program_count = len(sizes), running.region.count_programs()
    running(np.ones((30, 2), "float32"), axis=0)
    assert len(sizes) == exact
    assert running.region.count_programs() == program_count
    with pytest.raises(TypeError, match="the functions for `round_up_by` must take the arguments"):
        running.round_up_by(lambda x: 0, pad)


@pytest.mark.skipif(BACKEND != "tensorflow", reason="only TensorFlow rounds up in a graph")
def test_rounding_up_runs_the_implementation_of_the_backend():
    @kerasx.kernel
    def doubled(x):
        return 2 * x

    def pad(**arguments):
        x = arguments["x"]
        size = ops.shape(x)[0]
        padded = {"x": ops.pad(x, [(0, round_up(size, 8) - size)])}
        return padded, lambda outputs: outputs[:size]

    doubled.round_up_by(lambda **arguments: -ops.shape(arguments["x"])[0] % 8, pad)

    @doubled.implementation("tensorflow")
    def tripled(x):
        return 3 * x

    for size in range(1, 20):
        outputs = doubled(np.ones(size, "float32"))
        np.testing.assert_array_equal(ops.convert_to_numpy(outputs), np.full(size, 3))


def test_sizes_are_rounded_up():
    for size in range(1, 70):
        assert round_up(size, "power_of_two") == 2 ** int(np.ceil(np.log2(size)))
        assert round_up(size, 8) == 8 * int(np.ceil(size / 8))
    assert round_up(0, "power_of_two") == round_up(0, 8) == 0


def test_what_cannot_be_a_bucket():
    def made(**options):
        return kerasx.kernel(**{"shapes": {"x": "n d"}, "returns": "n"} | options)(
            lambda x: x[:, 0]
        )

    with pytest.raises(ValueError, match=r"`bucket` names \['time'\].*are \['d', 'n'\]"):
        made(bucket={"time": 8})
    for rule in ("powers", 0, 1.5, True):
        with pytest.raises(
            ValueError, match="the bucket of n must be 'power_of_two' or a positive"
        ):
            made(bucket={"n": rule})
    with pytest.raises(ValueError, match=r"`pad` names \['y'\], which have no shape with one of"):
        made(bucket={"n": 8}, pad={"y": 0})
    with pytest.raises(ValueError, match="with `bucket`, give `returns`"):
        made(bucket={"n": 8}, returns=None)
    with pytest.raises(TypeError, match="`bucket` needs `shapes`"):
        made(bucket={"n": 8}, shapes=None)
