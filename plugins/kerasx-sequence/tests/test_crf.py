"""The kernels of conditional random fields, beside sums over all tag sequences in float64."""

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


def brute_force(emissions, transitions, counts, start, end):
    """Log-partition, marginals, expected transitions, best tags and score of one sequence."""
    emissions = emissions[counts].astype("float64")
    time, units = emissions.shape
    marginals, taken = np.zeros((time, units)), np.zeros((units, units))
    if not time:
        return 0.0, marginals, taken, np.zeros(0, int), 0.0
    paths = list(itertools.product(range(units), repeat=time))
    scores = np.array([score_of(path, emissions, transitions, start, end) for path in paths])
    partition = np.logaddexp.reduce(scores)
    for path, probability in zip(paths, np.exp(scores - partition), strict=True):
        marginals[np.arange(time), path] += probability
        np.add.at(taken, (path[:-1], path[1:]), probability)
    best = int(np.argmax(scores))
    return partition, marginals, taken, np.array(paths[best]), scores[best]


def score_of(path, emissions, transitions, start, end):
    path = np.asarray(path)
    if not path.size:
        return 0.0
    steps = emissions[np.arange(len(path)), path].sum(dtype="float64")
    moves = transitions[path[:-1], path[1:]].sum(dtype="float64")
    return steps + moves + np.float64(start[path[0]]) + np.float64(end[path[-1]])


@st.composite
def problems(draw):
    """Potentials of any size, and steps that count: padded at either end, or none at all."""
    random = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    units = draw(st.sampled_from([3, 1]))
    sizes = [draw(st.sampled_from([1.0, 10.0, 1000.0])) for _ in range(3)]
    emissions = random.normal(size=(BATCH, TIME, units)) * sizes[0]
    transitions = random.normal(size=(units, units)) * sizes[1]
    ends = random.normal(size=(2, units)) * sizes[2]
    first = random.integers(0, TIME, BATCH)
    length = random.integers(0, TIME + 1, BATCH)
    first[:2], length[:2] = 0, (TIME, 1)
    places = np.arange(TIME)
    counts = (places >= first[:, None]) & (places < (first + length)[:, None])
    tags = random.integers(0, units, (BATCH, TIME))
    found = [each.astype("float32") for each in (emissions, transitions, *ends)]
    emissions, transitions, start, end = found
    return emissions, tags.astype("int32"), transitions, counts, start, end


def expected_of(problem):
    emissions, _, transitions, counts, start, end = problem
    return [
        brute_force(each, transitions, kept, start, end)
        for each, kept in zip(emissions, counts, strict=True)
    ]


def size_of(problem):
    """The largest score that a path can have: float32 rounds potentials to 6e-8 of it."""
    emissions, _, transitions, _, start, end = problem
    return 1 + TIME * sum(
        float(np.abs(each).max()) for each in (emissions, transitions, start, end)
    )


@given(problems())
def test_values_are_those_of_all_paths(problem):
    emissions, tags, transitions, counts, start, end = problem
    expected = expected_of(problem)
    options = {"mask": counts, "start": start, "end": end}
    partition = as_numpy(crf_log_partition(emissions, transitions, **options))
    likelihood = as_numpy(crf_log_likelihood(emissions, tags, transitions, **options))
    marginals = as_numpy(crf_marginals(emissions, transitions, **options))
    near = max(1e-5, 1e-6 * size_of(problem))
    for row, (of_all, per_step, _, _, _) in enumerate(expected):
        kept = counts[row]
        score = score_of(tags[row][kept], emissions[row][kept], transitions, start, end)
        np.testing.assert_allclose(partition[row], of_all, rtol=1e-5, atol=1e-5)
        np.testing.assert_allclose(likelihood[row], score - of_all, rtol=1e-5, atol=near)
        np.testing.assert_allclose(marginals[row][kept], per_step, atol=near)
        assert not marginals[row][~kept].any()


@given(problems())
def test_gradients_are_those_of_all_paths(problem):
    emissions, tags, transitions, counts, start, end = problem
    expected = expected_of(problem)
    weight = np.arange(1.0, BATCH + 1, dtype="float32")

    def total(emissions, transitions, start, end):
        found = crf_log_likelihood(emissions, tags, transitions, mask=counts, start=start, end=end)
        return keras.ops.sum(keras.ops.multiply(found, weight))

    floats = [emissions, transitions, start, end]
    wanted = [np.zeros(each.shape) for each in floats]
    for row, (_, marginals, taken, _, _) in enumerate(expected):
        (places,) = np.nonzero(counts[row])
        if not places.size:
            continue
        chosen = tags[row][places]
        slope = np.eye(marginals.shape[1])[chosen] - marginals
        wanted[0][row, places] = weight[row] * slope
        pairs = -taken
        np.add.at(pairs, (chosen[:-1], chosen[1:]), 1)
        wanted[1] += weight[row] * pairs
        wanted[2] += weight[row] * slope[0]
        wanted[3] += weight[row] * slope[-1]
    near = max(2e-5, 1e-5 * size_of(problem))
    for found, each in zip(gradients(total, floats), wanted, strict=True):
        np.testing.assert_allclose(found, each, atol=near)


@pytest.mark.parametrize("spread", [1.0, 100.0])  # of transitions: either algebra
def test_one_step_in_traced_code(spread):
    """Of one step the likelihood is a log-softmax, and transitions have no part in it."""
    random = np.random.default_rng(0)
    emissions = random.normal(size=(4, 1, 3)).astype(best_dtype())
    transitions = spread * random.normal(size=(3, 3)).astype(best_dtype())
    tags = np.array([[0], [1], [2], [0]], "int32")

    @compiled
    def total(emissions, transitions):
        return keras.ops.sum(crf_log_likelihood(emissions, tags, transitions))

    softmax = np.exp(emissions) / np.exp(emissions).sum(-1, keepdims=True)
    chosen = np.take_along_axis(softmax, tags[..., None], -1)
    of_emissions, of_transitions = gradients(total, [emissions, transitions])
    value = as_numpy(total(*map(keras.ops.convert_to_tensor, (emissions, transitions))))
    np.testing.assert_allclose(value, np.log(chosen).sum(), rtol=1e-6)
    np.testing.assert_allclose(of_emissions, np.eye(3)[tags] - softmax, atol=1e-6)
    assert not of_transitions.any()


@given(problems())
def test_decoded_tags_score_best(problem):
    emissions, _, transitions, counts, start, end = problem
    tags, scores = map(
        as_numpy, crf_decode(emissions, transitions, mask=counts, start=start, end=end)
    )
    for row, (*_, best) in enumerate(expected_of(problem)):
        kept = counts[row]
        score = score_of(tags[row][kept], emissions[row][kept], transitions, start, end)
        near = 1e-6 * size_of(problem)
        np.testing.assert_allclose([score, scores[row]], best, rtol=1e-6, atol=near)
        assert not tags[row][~kept].any()


@given(st.integers(0, 2**32 - 1), st.sampled_from([iob2_constraints, bilou_constraints]))
def test_decoded_tags_are_allowed(seed, constraints_of):
    random = np.random.default_rng(seed)
    kinds = "IB" if constraints_of is iob2_constraints else "BILU"
    labels = ["O", *(f"{kind}-X" for kind in kinds)]
    scheme = r"(O|BI*)*" if kinds == "IB" else r"(O|BI*L|U)*"
    emissions = random.normal(size=(BATCH, TIME, len(labels))).astype("float32")
    transitions = random.normal(size=(len(labels),) * 2).astype("float32")
    found = constraints_of(labels)
    tags, scores = map(as_numpy, crf_decode(emissions, transitions, **found._asdict()))
    zeros = np.zeros(len(labels))
    for row in range(BATCH):
        best = max(
            score_of(path, emissions[row], transitions, zeros, zeros)
            for path in itertools.product(range(len(labels)), repeat=TIME)
            if is_valid([labels[tag] for tag in path], scheme)
        )
        assert is_valid([labels[tag] for tag in tags[row]], scheme)
        np.testing.assert_allclose(scores[row], best, rtol=1e-5)


def is_valid(tags, scheme):
    """By a grammar of the scheme, one letter per tag."""
    return re.fullmatch(scheme, "".join(tag[0] for tag in tags)) is not None


def test_transitions_that_forbid_are_exact():
    """The only path that is allowed has a probability of 1, however unlikely it looks."""
    forbidden = np.full((3, 3), -np.inf, "float32")
    forbidden[0, 1] = forbidden[1, 2] = forbidden[2, 0] = -500.0
    emissions = np.zeros((1, 5, 3), "float32")
    emissions[0, :, 0] = 1000.0
    start = np.array([-np.inf, 0.0, -np.inf], "float32")
    path = np.array([[1, 2, 0, 1, 2]])
    found = crf_log_likelihood(emissions, path, forbidden, start=start)
    np.testing.assert_allclose(as_numpy(found), [0.0], atol=1e-5)
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
    found = crf_log_likelihood(emissions, tags, np.zeros((2, 2), "float32"), lengths=[3, 1])
    np.testing.assert_allclose(as_numpy(found), [-3 * np.log(2), -np.log(2)], rtol=1e-6)


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
def test_bad_values_raise_at_once_and_are_nan_in_compiled_code(message):
    given = GOOD | BAD[message]
    with pytest.raises(ValueError, match=message):
        crf_log_likelihood(**given)
    if keras.backend.backend() != "torch":
        assert np.isnan(as_numpy(compiled_likelihood(*given.values()))).any()
    if "tags" in BAD[message]:
        return
    given.pop("tags")
    with pytest.raises(ValueError, match=message):
        crf_decode(**given)
    if keras.backend.backend() != "torch":
        assert np.isnan(as_numpy(compiled_decode(*given.values())[1])).any()


def test_lengths_beyond_the_time_axis_raise_without_a_mask():
    given = {name: value for name, value in GOOD.items() if name != "mask"}
    with pytest.raises(ValueError, match="from 0 to 3, the time axis of `emissions`; received"):
        crf_log_likelihood(**given | {"lengths": np.array([3, 4], "int32")})


@pytest.mark.parametrize("dtype", ["int8", "uint8"])
def test_integers_that_cannot_hold_the_time_axis_count_all_the_same(dtype):
    random = np.random.default_rng(0)
    emissions = random.normal(size=(2, 300, 3)).astype("float32")
    tags, lengths = random.integers(0, 3, (2, 300)), np.array([100, 7])
    narrow, wide = (
        crf_log_likelihood(
            emissions, tags.astype(each), np.eye(3, dtype="float32"), lengths=lengths.astype(each)
        )
        for each in (dtype, "int32")
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


def test_entities_keep_their_type():
    labels = ["O", "B-X", "I-X", "B-Y", "I-Y"]
    inside = iob2_constraints(labels).allowed[:, [2, 4]]
    np.testing.assert_array_equal(inside, [[0, 0], [1, 0], [1, 0], [0, 1], [0, 1]])
    allowed = bilou_constraints(["B-X", "L-X", "B-Y", "L-Y"]).allowed
    np.testing.assert_array_equal(allowed, [[0, 1, 0, 0], [1, 0, 1, 0], [0, 0, 0, 1], [1, 0, 1, 0]])


def test_a_shorter_sequence_is_not_led_by_what_follows_it():
    emissions = np.zeros((2, 3, 2), "float32")
    emissions[:, 0, 0] = 1.0
    leave = np.array([[0.0, 0.0], [5.0, 5.0]], "float32")
    tags, scores = crf_decode(emissions, leave, lengths=[3, 1])
    np.testing.assert_array_equal(as_numpy(tags), [[1, 1, 0], [0, 0, 0]])
    np.testing.assert_allclose(as_numpy(scores), [10.0, 1.0])
