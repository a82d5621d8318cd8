"""Functions over tensors, each compiled as a whole."""

from typing import Any

import keras
import kerasx
from keras import ops


def plain_charbonnier(x: Any, *, epsilon: float = 1e-3) -> Any:
    """The formula as it is written, which `charbonnier` must equal."""
    return ops.sqrt(x**2 + epsilon**2)


@kerasx.kernel(static=("epsilon",), reference=plain_charbonnier, shapes={"x": "..."}, returns="...")
def charbonnier(x: Any, *, epsilon: float = 1e-3) -> Any:
    """Charbonnier penalty, an absolute value that is smooth at zero: `sqrt(x^2 + epsilon^2)`.

    Half precision is squared in float32, where it neither overflows nor vanishes.

    Args:
        x: floating tensor of any shape.
        epsilon: where it turns from a parabola into a line.

    Returns:
        A tensor of the shape and dtype of `x`.

    Reference: Charbonnier et al., "Two deterministic half-quadratic regularization algorithms for
    computed imaging", ICIP 1994.

    Example:
    >>> print(float(charbonnier(3.0, epsilon=4.0)))
    5.0
    """
    half = keras.backend.standardize_dtype(x.dtype) in ("float16", "bfloat16")
    wide = ops.cast(x, "float32") if half else x
    return ops.cast(plain_charbonnier(wide, epsilon=epsilon), x.dtype)
