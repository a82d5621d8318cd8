"""Entmax: probabilities, some of which are exactly zero.

With `q = 1 / (alpha - 1)` and `s = (x - max(x)) / q`, the probabilities are `max(m + s, 0) ** q`,
where `m ** q` is the probability of the highest score, chosen so that they sum to one. They are
computed as shares of `max(1 + s / m, 0) ** q`. That gives all digits of `m` even where all
probabilities are tiny, and `log1p` keeps the digits of `s` as alpha nears one.

No sort is needed. The norm `m * sum(max(1 + s / m, 0) ** q) ** (1 / q)`, which must be one, grows
with `m`, and for alpha up to two it is convex: Newton's method approaches one from above, never
overshoots, and takes two to ten passes. For alpha above two, bisection solves it.
"""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
from keras import ops

import kerasx
from kerasx.authoring import check_argument, wide_dtype

Tensor = Any  # a tensor of the backend in use, or an array


def plain_entmax(x: Tensor, alpha: float, axis: int = -1) -> Tensor:
    """Reference: a threshold by bisection (Peters et al., Algorithm 1).

    A final step of Newton's method does not change the threshold, but gives it its gradient.
    """
    q = 1 / (alpha - 1)
    scores = ops.convert_to_tensor(x) * (alpha - 1)
    fixed = ops.stop_gradient(scores)

    def total(scores: Tensor, threshold: Tensor, power: float) -> Tensor:
        return ops.sum(_power(scores - threshold, power), axis=axis, keepdims=True)

    high = ops.max(fixed, axis=axis, keepdims=True)
    low = high - 1
    for _ in range(60):
        middle = (low + high) / 2
        above = total(fixed, middle, q) >= 1
        low, high = ops.where(above, middle, low), ops.where(above, high, middle)
    threshold = low + (total(scores, low, q) - 1) / (q * total(fixed, low, q - 1))
    return _power(scores - threshold, q)


def _power(base: Tensor, exponent: float) -> Tensor:
    """Power where the base is positive, zero where it is not, NaN where it is NaN."""
    is_zero = base <= 0
    return ops.where(is_zero, 0.0, ops.power(ops.where(is_zero, 1.0, base), exponent))


@kerasx.kernel(
    static=("alpha", "axis"),
    reference=plain_entmax,
    shapes={"x": "..."},
    returns="...",
)
def entmax(x: Tensor, alpha: float, axis: int = -1) -> Tensor:
    """Probabilities between softmax and the highest score alone; some are exactly zero.

    They are the `p` that maximize `sum(p * x) + H(p)`, with the Tsallis entropy
    `H(p) = (1 - sum(p ** alpha)) / (alpha * (alpha - 1))`:
    `p = max((alpha - 1) * x - tau, 0) ** (1 / (alpha - 1))`. Near `alpha=1` that is
    `keras.ops.softmax`, at 1.5 `entmax15`, at 2 sparsemax (`keras.ops.sparsemax` of Keras 3.15 is
    right only where one probability is positive). The larger alpha, the fewer are positive.

    The result is exact, with no fixed number of bisections; computations are float32 at least. The
    gradient keeps only the probabilities: with `g = p ** (2 - alpha)` where `p` is positive and
    zero elsewhere, it is `g * (upstream - sum(g * upstream) / sum(g))`.

    From: Peters, Niculae & Martins 2019, Sparse Sequence-to-Sequence Models, sections 3 and 4.

    Args:
        x: floating tensor of scores. A score of `-inf` has probability zero. A row that is all
            `-inf`, or holds `inf` or NaN, gives NaN, as in softmax.
        alpha: above 1.
        axis: axis along which the probabilities sum to one.

    Returns:
        A tensor of the shape and dtype of `x`.

    Raises:
        TypeError: `x` is not floating.
        ValueError: `alpha` is not above 1, or `x` has no such axis.

    Example:
    >>> import keras, kerasx
    >>> p = kerasx.kernels.entmax([[2.0, 1.0, -1.0], [1.0, 1.0, 0.9]], alpha=2.0)
    >>> print(keras.ops.convert_to_numpy(p).round(4))
    [[1.     0.     0.    ]
     [0.3667 0.3667 0.2667]]
    """
    expected = "above 1 (use keras.ops.softmax for 1)"
    check_argument("entmax", "alpha", alpha, 1 < alpha < np.inf, expected)
    return _entmax(x, alpha, axis, "entmax")


def plain_entmax15(x: Tensor, axis: int = -1) -> Tensor:
    """Reference: `plain_entmax` with `alpha=1.5`."""
    return plain_entmax(x, 1.5, axis)


@kerasx.kernel(
    static=("axis",),
    reference=plain_entmax15,
    shapes={"x": "..."},
    returns="...",
)
def entmax15(x: Tensor, axis: int = -1) -> Tensor:
    """Probabilities, some of which are exactly zero, halfway from softmax to sparsemax.

    `entmax` with `alpha=1.5`: `p = max(x / 2 - tau, 0) ** 2`.

    From: Peters, Niculae & Martins 2019, Sparse Sequence-to-Sequence Models, section 4.

    Args:
        x: floating tensor of scores. A score of `-inf` has probability zero. A row that is all
            `-inf`, or holds `inf` or NaN, gives NaN, as in softmax.
        axis: axis along which the probabilities sum to one.

    Returns:
        A tensor of the shape and dtype of `x`.

    Raises:
        TypeError: `x` is not floating.
        ValueError: `x` has no such axis.

    Example:
    >>> import keras, kerasx
    >>> p = kerasx.kernels.entmax15([[2.0, 1.0, -1.0]])
    >>> print(keras.ops.convert_to_numpy(p).round(4))
    [[0.8307 0.1693 0.    ]]
    """
    return _entmax(x, 1.5, axis, "entmax15")


def _entmax(x: Tensor, alpha: float, axis: int, name: str) -> Tensor:
    if not -len(x.shape) <= axis < len(x.shape):
        raise ValueError(f"{name}: x of shape {tuple(x.shape)} has no axis {axis}")

    @kerasx.custom_gradient
    def probabilities(x: Tensor) -> tuple[Tensor, Any]:
        dtype = wide_dtype(x.dtype)
        scores = ops.cast(x, dtype)
        scores = (scores - ops.max(scores, axis=axis, keepdims=True)) * (alpha - 1)
        solve = _by_newton if alpha <= 2 else _by_bisection
        p = ops.cast(solve(scores, 1 / (alpha - 1), axis), x.dtype)

        def gradient(upstream: Tensor) -> tuple[Tensor]:
            g, upstream = _power(ops.cast(p, dtype), 2 - alpha), ops.cast(upstream, dtype)
            mean = ops.sum(g * upstream, axis, keepdims=True) / ops.sum(g, axis, keepdims=True)
            return (g * (upstream - mean),)

        return p, gradient

    return probabilities(x)


def _by_newton(s: Tensor, q: float, axis: int) -> Tensor:
    """Solve for `q >= 1`, where the norm is convex in `m`."""
    tolerance = 4 * np.finfo(keras.backend.standardize_dtype(s.dtype)).eps

    def goes_on(m: Tensor, step: Tensor) -> Tensor:
        return ops.any(step > tolerance * m)

    def newton_step(m: Tensor, _: Tensor) -> tuple[Tensor, Tensor]:
        shares, slopes = _shares(s, m, q)
        total = ops.sum(shares, axis, keepdims=True)
        excess = m * total - total ** (1 - 1 / q)
        step = excess / ops.sum(slopes, axis, keepdims=True)
        return m - step, step

    m = ops.ones_like(ops.max(s, axis, keepdims=True))
    m, _ = ops.while_loop(goes_on, newton_step, (m, m))
    shares, _ = _shares(s, m, q)
    return shares / ops.sum(shares, axis, keepdims=True)


def _shares(s: Tensor, m: Tensor, q: float) -> tuple[Tensor, Tensor]:
    """`max(1 + s / m, 0)` to the powers `q` and `q - 1`."""
    x = ops.maximum(s / m, -1.0)
    base = 1 + x
    if q == 1:
        return base, ops.cast(base > 0, base.dtype)
    slopes = base if q == 2 else ops.exp((q - 1) * ops.log1p(x))
    return slopes * base, slopes


def _by_bisection(s: Tensor, q: float, axis: int) -> Tensor:
    """Solve for `q < 1`, between two neighbouring values of the highest probability.

    There the power has an infinite slope, so the sums of neighbouring values differ.
    """

    def shares(highest: Tensor) -> tuple[Tensor, Tensor]:
        """Shares of the highest probability, and their sum: equal shares add up exactly."""
        m = ops.maximum(highest ** (1 / q), np.finfo("float32").tiny)
        relative = _power(1 + s / m, q)
        return relative, ops.sum(relative, axis, keepdims=True)

    def halve(_: Tensor, ends: tuple[Tensor, Tensor]) -> tuple[Tensor, Tensor]:
        low, high = ends
        middle = (low + high) / 2
        above = middle * shares(middle)[1] > 1
        return ops.where(above, low, middle), ops.where(above, middle, high)

    high = ops.ones_like(ops.max(s, axis, keepdims=True))
    digits = np.finfo(keras.backend.standardize_dtype(s.dtype)).nmant
    # The highest of a million equal probabilities begins with twenty binary zeros.
    low, high = ops.fori_loop(0, digits + 22, halve, (0 * high, high))
    (below, sum_below), (above, sum_above) = shares(low), shares(high)
    missing = 1 - low * sum_below
    total = high * sum_above - low * sum_below
    part = ops.where(total > 0, missing / ops.maximum(total, missing), 0 * missing)
    return low * below + part * (high * above - low * below)
