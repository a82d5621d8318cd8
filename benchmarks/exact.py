"""What kernels must come to: values and gradients by their definitions, in float64."""

from __future__ import annotations

import math

import numpy as np

Array = np.ndarray


def error(found: list[Array], exact: list[Array]) -> float:
    """The largest error of several tensors, relative to the largest value of each."""
    pairs = zip(found, exact, strict=True)
    return max(float(np.abs(a.astype("float64") - b).max() / np.abs(b).max()) for a, b in pairs)


def linear_cross_entropy(
    features: Array, weight: Array, labels: Array, positions: int
) -> list[Array]:
    """The mean loss of copies of these rows, `positions` in all, and its gradients.

    The gradient of the features is that of the first copy.
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
    """Causal attention over so many keys: output and gradient of query for the last queries.

    For all of them, the gradients of key and value too.
    """
    time = query.shape[1]
    first = time - last
    rows, columns = np.arange(first, time)[:, None], np.arange(time)
    hidden = (columns > rows) | (columns <= rows - window)
    query, key, value, upstream = (
        each.astype("float64").transpose(0, 2, 1, 3) for each in (query, key, value, upstream)
    )
    found = [np.zeros_like(query[:, :, first:]) for _ in range(2)]
    found += [np.zeros_like(key), np.zeros_like(value)]
    scale = query.shape[3] ** -0.5
    for place in np.ndindex(*query.shape[:2]):
        here = query[place][first:], key[place], value[place], upstream[place][first:]
        of_query, of_key, of_value, of_output = here
        weights = np.where(hidden, -np.inf, of_query @ of_key.T * scale)
        weights = np.exp(weights - weights.max(1, keepdims=True))
        weights /= weights.sum(1, keepdims=True)
        slopes = of_output @ of_value.T
        slopes = weights * (slopes - (weights * slopes).sum(1, keepdims=True)) * scale
        found[0][place], found[1][place] = weights @ of_value, slopes @ of_key
        found[2][place], found[3][place] = slopes.T @ of_query, weights.T @ of_output
    return [each.transpose(0, 2, 1, 3) for each in (found[:2] if first else found)]


def swiglu(gate: Array, value: Array, upstream: Array) -> list[Array]:
    sigmoid = 1 / (1 + np.exp(-gate))
    return _gated(gate, value, upstream, sigmoid, sigmoid * (1 - sigmoid))


def geglu(gate: Array, value: Array, upstream: Array) -> list[Array]:
    probability = 0.5 * (1 + np.vectorize(math.erf)(gate / math.sqrt(2)))
    return _gated(
        gate, value, upstream, probability, np.exp(-(gate**2) / 2) / math.sqrt(2 * math.pi)
    )


def _gated(gate: Array, value: Array, upstream: Array, share: Array, slope: Array) -> list[Array]:
    """Of `gate * share(gate) * value`."""
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
