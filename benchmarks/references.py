"""Reference values and gradients of the kernels by their definitions, in float64."""

from __future__ import annotations

import math

import numpy as np

Array = np.ndarray


def error(computed: list[Array], exact: list[Array]) -> float:
    """Return the largest error of several tensors, relative to the largest value of each."""
    pairs = zip(computed, exact, strict=True)
    return max(float(np.abs(a.astype("float64") - b).max() / np.abs(b).max()) for a, b in pairs)


def linear_cross_entropy(
    features: Array, weight: Array, labels: Array, positions: int
) -> list[Array]:
    """Return the mean loss over copies of these rows, `positions` in all, and its gradients.

    The gradient of the features covers the first copy only.
    """
    features, weight = features.astype("float64"), weight.astype("float64")
    rows = np.arange(len(labels))
    logits = features @ weight
    logits -= logits.max(1, keepdims=True)
    picked = logits[rows, labels]
    slopes = np.exp(logits, out=logits)
    sums = slopes.sum(1)
    slopes /= sums[:, None]
    slopes[rows, labels] -= 1
    of_features, of_weight = slopes @ weight.T / positions, features.T @ slopes / len(rows)
    return [np.mean(np.log(sums) - picked), of_features, of_weight]


def attention(
    query: Array, key: Array, value: Array, upstream: Array, window: int, last: int
) -> list[Array]:
    """Return the output of causal attention, and its gradients, for the `last` queries.

    The gradients of key and value are included only if these are all queries.
    """
    time = query.shape[1]
    first = time - last
    rows, columns = np.arange(first, time)[:, None], np.arange(time)
    hidden = (columns > rows) | (columns <= rows - window)
    query, key, value, upstream = (
        array.astype("float64").transpose(0, 2, 1, 3) for array in (query, key, value, upstream)
    )
    results = [np.zeros_like(query[:, :, first:]) for _ in range(2)]
    results += [np.zeros_like(key), np.zeros_like(value)]
    scale = query.shape[3] ** -0.5
    for place in np.ndindex(*query.shape[:2]):
        of_query, of_key = query[place][first:], key[place]
        of_value, of_output = value[place], upstream[place][first:]
        weights = np.where(hidden, -np.inf, of_query @ of_key.T * scale)
        weights = np.exp(weights - weights.max(1, keepdims=True))
        weights /= weights.sum(1, keepdims=True)
        slopes = of_output @ of_value.T
        slopes = weights * (slopes - (weights * slopes).sum(1, keepdims=True)) * scale
        results[0][place], results[1][place] = weights @ of_value, slopes @ of_key
        results[2][place], results[3][place] = slopes.T @ of_query, weights.T @ of_output
    return [array.transpose(0, 2, 1, 3) for array in (results[:2] if first else results)]


def swiglu(gate: Array, value: Array, upstream: Array) -> list[Array]:
    sigmoid = 1 / (1 + np.exp(-gate))
    return _gated(gate, value, upstream, sigmoid, sigmoid * (1 - sigmoid))


def geglu(gate: Array, value: Array, upstream: Array) -> list[Array]:
    probability = 0.5 * (1 + np.vectorize(math.erf)(gate / math.sqrt(2)))
    return _gated(
        gate, value, upstream, probability, np.exp(-(gate**2) / 2) / math.sqrt(2 * math.pi)
    )


def _gated(gate: Array, value: Array, upstream: Array, share: Array, slope: Array) -> list[Array]:
    """Return the value and gradients of `gate * share(gate) * value`."""
    of_gate = upstream * value * (share + gate * slope)
    return [gate * share * value, of_gate, upstream * gate * share]


def add_rms_norm(
    x: Array, residual: Array, scale: Array, upstream: Array, of_total: Array
) -> list[Array]:
    total = x + residual
    inverse = 1 / np.sqrt(np.mean(total**2, -1, keepdims=True) + 1e-6)
    normalized = total * inverse
    rows = upstream * scale
    of_x = (rows - normalized * np.mean(rows * normalized, -1, keepdims=True)) * inverse + of_total
    axes = tuple(range(x.ndim - 1))
    return [normalized * scale, total, of_x, of_x, np.sum(upstream * normalized, axes)]


def rotary_embedding(x: Array, upstream: Array) -> list[Array]:
    half = x.shape[3] // 2
    angles = np.arange(x.shape[1])[:, None, None] * 10000.0 ** (-np.arange(half) / half)

    def turned(x: Array, angles: Array) -> Array:
        pairs = (x[..., :half] + 1j * x[..., half:]) * np.exp(1j * angles)
        return np.concatenate([pairs.real, pairs.imag], -1)

    return [turned(x, angles), turned(upstream, -angles)]


def entmax(x: Array, upstream: Array, alpha: float = 1.3) -> list[Array]:
    """Find the threshold by bisection."""
    z = (alpha - 1) * x
    high = z.max(-1, keepdims=True)
    low = high - 1
    for _ in range(60):
        threshold = (low + high) / 2
        is_low = (np.maximum(z - threshold, 0) ** (1 / (alpha - 1))).sum(-1, keepdims=True) > 1
        low, high = np.where(is_low, threshold, low), np.where(is_low, high, threshold)
    shares = np.maximum(z - low, 0) ** (1 / (alpha - 1))
    slopes = np.where(shares > 0, shares ** (2 - alpha), 0)
    mean = (slopes * upstream).sum(-1, keepdims=True) / slopes.sum(-1, keepdims=True)
    return [shares, slopes * (upstream - mean)]


def entmax15(x: Array, upstream: Array) -> list[Array]:
    return entmax(x, upstream, 1.5)


def linear_recurrence(decay: Array, inputs: Array, upstream: Array) -> list[Array]:
    """Return the states, and the gradients of decays and inputs."""
    decay, inputs, upstream = (array.astype("float64") for array in (decay, inputs, upstream))
    states, of_inputs = np.zeros_like(inputs), np.zeros_like(inputs)
    state = slope = np.zeros_like(inputs[:, 0])
    for t in range(inputs.shape[1]):
        state = states[:, t] = decay[:, t] * state + inputs[:, t]
    for t in reversed(range(inputs.shape[1])):
        of_inputs[:, t] = upstream[:, t] + slope
        slope = decay[:, t] * of_inputs[:, t]
    of_decay = of_inputs * np.pad(states, [(0, 0), (1, 0), (0, 0)])[:, :-1]
    return [states, of_decay, of_inputs]


def min_gru(gate: Array, candidate: Array, upstream: Array) -> list[Array]:
    """Return states and gradients of `h[t] = (1 - z[t]) h[t-1] + z[t] candidate[t]`.

    `z` is `sigmoid(gate)`.
    """
    gate, candidate = gate.astype("float64"), candidate.astype("float64")
    z = 1 / (1 + np.exp(-gate))
    states, of_decay, of_inputs = linear_recurrence(1 - z, z * candidate, upstream)
    return [states, (of_inputs * candidate - of_decay) * z * (1 - z), of_inputs * z]


def crf(emissions: Array, transitions: Array, tags: Array) -> tuple[list[Array], Array]:
    """Return the sum of the log-likelihoods with its gradients, and scores of the best tags."""
    emissions, transitions = emissions.astype("float64"), transitions.astype("float64")
    batch, time, units = emissions.shape
    left, best = [emissions[:, 0]], emissions[:, 0]
    for step in range(1, time):
        left.append(_log_sum(left[-1][:, :, None] + transitions, 1) + emissions[:, step])
        best = (best[:, :, None] + transitions).max(1) + emissions[:, step]
    partition = _log_sum(left[-1], 1)
    right = np.zeros((batch, units))
    of_emissions, of_transitions = np.zeros(emissions.shape), np.zeros(transitions.shape)
    rows = np.arange(batch)
    for step in reversed(range(time)):
        of_emissions[:, step] = -np.exp(left[step] + right - partition[:, None])
        of_emissions[rows, step, tags[:, step]] += 1
        if step:
            behind = (emissions[:, step] + right)[:, None, :] + transitions
            pairs = left[step - 1][:, :, None] + behind - partition[:, None, None]
            of_transitions -= np.exp(pairs).sum(0)
            np.add.at(of_transitions, (tags[:, step - 1], tags[:, step]), 1)
            right = _log_sum(behind, 2)
    total = crf_scores(emissions, transitions, tags).sum() - partition.sum()
    return [total, of_emissions, of_transitions], best.max(1)


def crf_scores(emissions: Array, transitions: Array, tags: Array) -> Array:
    of_tags = np.take_along_axis(emissions.astype("float64"), tags[..., None], 2)
    return of_tags[..., 0].sum(1) + transitions.astype("float64")[tags[:, :-1], tags[:, 1:]].sum(1)


def _log_sum(x: Array, axis: int) -> Array:
    top = x.max(axis, keepdims=True)
    return np.squeeze(top, axis) + np.log(np.exp(x - top).sum(axis))
