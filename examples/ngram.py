"""An n-gram model of bytes with Witten-Bell smoothing, the baseline for the network."""

import numpy as np


def witten_bell(train: np.ndarray, text: np.ndarray, order: int = 5) -> np.ndarray:
    """Return the probability of each byte of `text` given the `order - 1` bytes before it.

    Each order is interpolated with the next lower one, down to the uniform distribution:
    `P(b | h) = (count(h b) + types(h) P(b | h')) / (count(h) + types(h))`, where `types(h)` is the
    number of different bytes that follow the context `h` in `train`, and `h'` is `h` without its
    first byte.
    Source: Chen and Goodman, An Empirical Study of Smoothing Techniques for Language Modeling
    (1998), section 2.5.

    Args:
        train: the bytes to count, uint8 `(m,)`.
        text: the bytes to predict, uint8 `(n,)`; the first ones have shorter contexts.
        order: length of the longest n-gram, 1 to 8.

    Returns:
        float64 `(n,)`.
    """
    probability = np.full(len(text), 1 / 256)
    for n in range(1, min(order, len(train), len(text)) + 1):
        grams, counts = np.unique(_windows(train, n), return_counts=True)
        contexts, first, types = np.unique(grams >> 8, return_index=True, return_counts=True)
        totals = np.add.reduceat(counts, first)

        gram = _windows(text, n)
        count = _look_up(gram, grams, counts)
        total = _look_up(gram >> 8, contexts, totals)
        variety = _look_up(gram >> 8, contexts, types)
        lower = probability[n - 1 :]
        seen = total > 0
        lower[seen] = ((count + variety * lower) / (total + variety).clip(1))[seen]
    return probability


def _windows(text: np.ndarray, n: int) -> np.ndarray:
    """Return each run of n bytes as one number, with the last byte lowest."""
    code = np.zeros(max(len(text) - n + 1, 0), "uint64")
    for i in range(n):
        code = code << 8 | text[i : i + len(code)]
    return code


def _look_up(keys: np.ndarray, sorted_keys: np.ndarray, values: np.ndarray) -> np.ndarray:
    """Return the value of each key, and 0 for a missing key."""
    at = np.searchsorted(sorted_keys, keys).clip(max=len(sorted_keys) - 1)
    return np.where(sorted_keys[at] == keys, values[at], 0)
