"""The kernels of conditional random fields, compared with sums over all tag sequences."""

import itertools
import re

import keras
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kerasx.testing.numerics import as_numpy, best_dtype, compiled, gradients
from kerasx_sequence import bilou_constraints, iob2_constraints
from kerasx_sequence.crf import crf_decode, crf_log_likelihood, crf_log_partition, crf_marginals

BATCH, TIME = 4, 4


def brute_force(emissions, transitions, active, start, end):
    """Return log-partition, marginals, expected transitions, best tags and their score.

    All are those of one sequence, in float64.
    """
    emissions = emissions[active].astype("float64")
    time, units = emissions.shape
    marginals, pairs = np.zeros((time, units)), np.zeros((units, units))
    if not time:
        return 0.0, marginals, pairs, np.zeros(0, int), 0.0
    paths = list(itertools.product(range(units), repeat=time))
    scores = np.array([score_of(path, emissions, transitions, start, end) for path in paths])
    partition = np.logaddexp.reduce(scores)
    for path, probability in zip(paths, np.exp(scores - partition), strict=True):
        marginals[np.arange(time), path] += probability
        np.add.at(pairs, (path[:-1], path[1:]), probability)
    best = int(np.argmax(scores))
    return partition, marginals, pairs, np.array(paths[best]), scores[best]


def score_of(path, emissions, transitions, start, end):
    path = np.asarray(path)
    if not path.size:
        return 0.0
    steps = emissions[np.arange(len(path)), path].sum(dtype="float64")
    moves = transitions[path[:-1], path[1:]].sum(dtype="float64")
    return steps + moves + np.float64(start[path[0]]) + np.float64(end[path[-1]])


@st.composite
def problems(draw):
    """Draw potentials of any size, and steps that count: padded at either end, or none at all."""
    random = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    units = draw(st.sampled_from([3, 1]))
    sizes = [draw(st.sampled_from([1.0, 10.0, 1000.0])) for _ in range(3)]
    emissions = random.normal(size=(BATCH, TIME, units)) * sizes[0]
    transitions = random.normal(size=(units, units)) * sizes[1]
    ends = random.normal(size=(2, units)) * sizes[2]
    first = random.integers(0, TIME, BATCH)
    length = random.integers(0, TIME + 1, BATCH)
    first[:2], length[:2] = 0, (TIME, 1)
    steps = np.arange(TIME)
    active = (steps >= first[:, None]) & (steps < (first + length)[:, None])
    tags = random.integers(0, units, (BATCH, TIME)).astype("int32")
    emissions, transitions, start, end = (
        array.astype("float32") for array in (emissions, transitions, *ends)
    )
    return emissions, tags, transitions, active, start, end


def expected_results(problem):
    emissions, _, transitions, active, start, end = problem
    return [
        brute_force(row, transitions, active_row, start, end)
        for row, active_row in zip(emissions, active, strict=True)
    ]


def largest_score(problem):
    """Return a bound for the score of a path; float32 rounds potentials to 6e-8 of it."""
    emissions, _, transitions, _, start, end = problem
    return 1 + TIME * sum(
        float(np.abs(array).max()) for array in (emissions, transitions, start, end)
    )


@given(problems())
def test_values_equal_sums_over_all_paths(problem):
    emissions, tags, transitions, active, start, end = problem
    expected = expected_results(problem)
    options = {"mask": active, "start": start, "end": end}
    partition = as_numpy(crf_log_partition(emissions, transitions, **options))
    likelihood = as_numpy(crf_log_likelihood(emissions, tags, transitions, **options))
    marginals = as_numpy(crf_marginals(emissions, transitions, **options))
    tolerance = max(1e-5, 1e-6 * largest_score(problem))
    for row, (log_partition, gamma, _, _, _) in enumerate(expected):
        kept = active[row]
        score = score_of(tags[row][kept], emissions[row][kept], transitions, start, end)
        np.testing.assert_allclose(partition[row], log_partition, rtol=1e-5, atol=1e-5)
        np.testing.assert_allclose(
            likelihood[row], score - log_partition, rtol=1e-5, atol=tolerance
        )
        np.testing.assert_allclose(marginals[row][kept], gamma, atol=tolerance)
        assert not marginals[row][~kept].any()


@given(problems())
def test_gradients_equal_sums_over_all_paths(problem):
    emissions, tags, transitions, active, start, end = problem
    weight = np.arange(1.0, BATCH + 1, dtype="float32")

    def total(emissions, transitions, start, end):
        likelihood = crf_log_likelihood(
            emissions, tags, transitions, mask=active, start=start, end=end
        )
        return keras.ops.sum(keras.ops.multiply(likelihood, weight))

    floats = [emissions, transitions, start, end]
    expected = [np.zeros(array.shape) for array in floats]
    for row, (_, marginals, pairs, _, _) in enumerate(expected_results(problem)):
        (steps,) = np.nonzero(active[row])
        if not steps.size:
            continue
        path = tags[row][steps]
        slope = np.eye(marginals.shape[1])[path] - marginals
        pairs = -pairs
        np.add.at(pairs, (path[:-1], path[1:]), 1)
        expected[0][row, steps] = weight[row] * slope
        expected[1] += weight[row] * pairs
        expected[2] += weight[row] * slope[0]
        expected[3] += weight[row] * slope[-1]
    tolerance = max(2e-5, 1e-5 * largest_score(problem))
    for ours, theirs in zip(gradients(total, floats), expected, strict=True):
        np.testing.assert_allclose(ours, theirs, atol=tolerance)


@pytest.mark.parametrize("scale", [1.0, 100.0])  # of transitions: probabilities, or logarithms
def test_one_step_in_traced_code(scale):
    """For one step the likelihood is a log-softmax, and transitions do not affect it."""
    random = np.random.default_rng(0)
    emissions = random.normal(size=(4, 1, 3)).astype(best_dtype())
    transitions = scale * random.normal(size=(3, 3)).astype(best_dtype())
    tags = np.array([[0], [1], [2], [0]], "int32")

    @compiled
    def total(emissions, transitions):
        return keras.ops.sum(crf_log_likelihood(emissions, tags, transitions))

    softmax = np.exp(emissions) / np.exp(emissions).sum(-1, keepdims=True)
    chosen = np.take_along_axis(softmax, tags[..., None], -1)
    emissions_slope, transitions_slope = gradients(total, [emissions, transitions])
    value = as_numpy(total(*map(keras.ops.convert_to_tensor, (emissions, transitions))))
    np.testing.assert_allclose(value, np.log(chosen).sum(), rtol=1e-6)
    np.testing.assert_allclose(emissions_slope, np.eye(3)[tags] - softmax, atol=1e-6)
    assert not transitions_slope.any()


@given(problems())
def test_decoded_tags_score_best(problem):
    emissions, _, transitions, active, start, end = problem
    tags, scores = map(
        as_numpy, crf_decode(emissions, transitions, mask=active, start=start, end=end)
    )
    tolerance = 1e-6 * largest_score(problem)
    for row, (*_, best) in enumerate(expected_results(problem)):
        kept = active[row]
        score = score_of(tags[row][kept], emissions[row][kept], transitions, start, end)
        np.testing.assert_allclose([score, scores[row]], best, rtol=1e-6, atol=tolerance)
        assert not tags[row][~kept].any()


@given(st.integers(0, 2**32 - 1), st.sampled_from([iob2_constraints, bilou_constraints]))
def test_decoded_tags_are_allowed(seed, make_constraints):
    random = np.random.default_rng(seed)
    prefixes = "IB" if make_constraints is iob2_constraints else "BILU"
    labels = ["O", *(f"{prefix}-X" for prefix in prefixes)]
    grammar = r"(O|BI*)*" if prefixes == "IB" else r"(O|BI*L|U)*"
    emissions = random.normal(size=(BATCH, TIME, len(labels))).astype("float32")
    transitions = random.normal(size=(len(labels),) * 2).astype("float32")
    constraints = make_constraints(labels)
    tags, scores = map(as_numpy, crf_decode(emissions, transitions, **constraints._asdict()))
    zeros = np.zeros(len(labels))
    for row in range(BATCH):
        best = max(
            score_of(path, emissions[row], transitions, zeros, zeros)
            for path in itertools.product(range(len(labels)), repeat=TIME)
            if is_valid([labels[tag] for tag in path], grammar)
        )
        assert is_valid([labels[tag] for tag in tags[row]], grammar)
        np.testing.assert_allclose(scores[row], best, rtol=1e-5)


def is_valid(labels, grammar):
    """Return whether labels follow a grammar, which has one letter per label."""
    return re.fullmatch(grammar, "".join(label[0] for label in labels)) is not None


def test_forbidden_transitions_are_exact():
    """The only allowed path has a probability of 1, even if its score is low."""
    forbidden = np.full((3, 3), -np.inf, "float32")
    forbidden[0, 1] = forbidden[1, 2] = forbidden[2, 0] = -500.0
    emissions = np.zeros((1, 5, 3), "float32")
    emissions[0, :, 0] = 1000.0
    start = np.array([-np.inf, 0.0, -np.inf], "float32")
    path = np.array([[1, 2, 0, 1, 2]])
    likelihood = crf_log_likelihood(emissions, path, forbidden, start=start)
    np.testing.assert_allclose(as_numpy(likelihood), [0.0], atol=1e-5)
    np.testing.assert_array_equal(as_numpy(crf_decode(emissions, forbidden, start=start)[0]), path)
    (slope,) = gradients(
        lambda x: keras.ops.sum(crf_log_partition(x, forbidden, start=start)), [emissions]
    )
    np.testing.assert_allclose(slope, np.eye(3)[path], atol=1e-6)
    other = crf_log_likelihood(emissions, path[:, ::-1], forbidden, start=start)
    assert as_numpy(other)[0] == -np.inf


def test_padding_may_hold_anything():
    emissions = np.zeros((2, 3, 2), "float32")
    emissions[1, 1:] = np.nan
    tags = np.array([[0, 1, 0], [1, -100, 7]], "int32")
    likelihood = crf_log_likelihood(emissions, tags, np.zeros((2, 2), "float32"), lengths=[3, 1])
    np.testing.assert_allclose(as_numpy(likelihood), [-3 * np.log(2), -np.log(2)], rtol=1e-6)


GOOD = {
    "emissions": np.zeros((2, 3, 2), "float32"),
    "tags": np.zeros((2, 3), "int32"),
    "transitions": np.zeros((2, 2), "float32"),
    "lengths": np.array([3, 3], "int32"),
    "mask": np.ones((2, 3), bool),
}
BAD = {
    "lengths must be from 0 to 3, .*[4, 3]": {"lengths": np.array([4, 3], "int32")},
    "lengths must be from 0 to 3, .*[-1, 3]": {"lengths": np.array([-1, 3], "int32")},
    "mask must keep .* sequence 1": {"mask": np.array([[1, 1, 1], [1, 0, 1]], bool)},
    "tags must be from 0 to 1": {"tags": np.array([[0, 1, 2], [0, 0, 0]], "int32")},
    "no path .* for sequence 0": {"transitions": np.full((2, 2), -np.inf, "float32")},
}


@compiled
def compiled_likelihood(emissions, tags, transitions, lengths, mask):
    return crf_log_likelihood(emissions, tags, transitions, lengths=lengths, mask=mask)


@compiled
def compiled_decode(emissions, transitions, lengths, mask):
    return crf_decode(emissions, transitions, lengths=lengths, mask=mask)


@pytest.mark.parametrize("message", BAD)
def test_bad_values_raise_in_eager_code_and_give_nan_in_compiled_code(message):
    arguments = GOOD | BAD[message]
    with pytest.raises(ValueError, match=message):
        crf_log_likelihood(**arguments)
    if keras.backend.backend() != "torch":
        assert np.isnan(as_numpy(compiled_likelihood(*arguments.values()))).any()
    if "tags" in BAD[message]:
        return
    arguments.pop("tags")
    with pytest.raises(ValueError, match=message):
        crf_decode(**arguments)
    if keras.backend.backend() != "torch":
        assert np.isnan(as_numpy(compiled_decode(*arguments.values())[1])).any()


def test_lengths_beyond_the_time_axis_raise_without_a_mask():
    arguments = {name: value for name, value in GOOD.items() if name != "mask"}
    arguments["lengths"] = np.array([3, 4], "int32")
    with pytest.raises(ValueError, match="from 0 to 3, the time axis of `emissions`; received"):
        crf_log_likelihood(**arguments)


@pytest.mark.parametrize("dtype", ["int8", "uint8"])
def test_integers_too_narrow_for_the_time_axis_still_work(dtype):
    random = np.random.default_rng(0)
    emissions = random.normal(size=(2, 300, 3)).astype("float32")
    tags, lengths = random.integers(0, 3, (2, 300)), np.array([100, 7])
    narrow, wide = (
        crf_log_likelihood(
            emissions,
            tags.astype(integer),
            np.eye(3, dtype="float32"),
            lengths=lengths.astype(integer),
        )
        for integer in (dtype, "int32")
    )
    np.testing.assert_array_equal(*map(keras.ops.convert_to_numpy, (narrow, wide)))
    assert np.isfinite(keras.ops.convert_to_numpy(wide)).all()


def test_wrong_sizes_raise():
    with pytest.raises(ValueError, match="`transitions` must have shape"):
        crf_log_partition(np.zeros((2, 3, 4), "float32"), np.zeros((4, 3), "float32"))


@pytest.mark.parametrize("labels", [["O", "X"], ["B-X", "B-X"], ["L-X"], []])
def test_labels_of_another_scheme_raise(labels):
    with pytest.raises(ValueError, match="labels must be different names of the forms O, B-X, I-X"):
        iob2_constraints(labels)


@pytest.mark.parametrize(("suffix", "delimiter"), [(True, "-"), (False, "_"), (True, "::")])
@pytest.mark.parametrize("make_constraints", [iob2_constraints, bilou_constraints])
def test_styles_of_labels_have_equal_constraints(make_constraints, suffix, delimiter):
    parts = [("B", "X"), ("I", "X"), ("B", "Y-z"), ("I", "Y-z")]
    labels = ["O", *(delimiter.join(pair[::-1] if suffix else pair) for pair in parts)]
    styled = make_constraints(labels, suffix=suffix, delimiter=delimiter)
    plain = make_constraints(["O", *("-".join(pair) for pair in parts)])
    for ours, theirs in zip(styled, plain, strict=True):
        np.testing.assert_array_equal(ours, theirs)
    with pytest.raises(ValueError, match=r"received \['O-X'\]"):
        make_constraints(["O-X"], suffix=suffix, delimiter=delimiter)
    with pytest.raises(ValueError, match="delimiter must be a string that is not empty"):
        make_constraints(labels, delimiter="")


def test_entities_keep_their_type():
    labels = ["O", "B-X", "I-X", "B-Y", "I-Y"]
    inside = iob2_constraints(labels).allowed[:, [2, 4]]
    np.testing.assert_array_equal(inside, [[0, 0], [1, 0], [1, 0], [0, 1], [0, 1]])
    allowed = bilou_constraints(["B-X", "L-X", "B-Y", "L-Y"]).allowed
    np.testing.assert_array_equal(allowed, [[0, 1, 0, 0], [1, 0, 1, 0], [0, 0, 0, 1], [1, 0, 1, 0]])


def test_steps_after_the_end_do_not_affect_a_shorter_sequence():
    emissions = np.zeros((2, 3, 2), "float32")
    emissions[:, 0, 0] = 1.0
    leave = np.array([[0.0, 0.0], [5.0, 5.0]], "float32")
    tags, scores = crf_decode(emissions, leave, lengths=[3, 1])
    np.testing.assert_array_equal(as_numpy(tags), [[1, 1, 0], [0, 0, 0]])
    np.testing.assert_allclose(as_numpy(scores), [10.0, 1.0])
