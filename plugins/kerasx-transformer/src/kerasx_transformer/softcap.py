"""Soft cap: a smooth bound for logits and attention scores.

From: Gemma Team 2024, Gemma 2: Improving Open Language Models at a Practical Size, section 2.
"""

from __future__ import annotations

from typing import Any

from keras import ops

Tensor = Any


def soft_cap(x: Tensor, bound: float | None) -> Tensor:
    """`bound * tanh(x / bound)`, or `x` without a bound."""
    return x if bound is None else bound * ops.tanh(x / bound)


def soft_cap_gradient(gradient: Tensor, capped: Tensor, bound: float | None) -> Tensor:
    """Gradient with respect to the values before the cap.

    Args:
        gradient: gradient with respect to the values after the cap.
        capped: the values after the cap.
        bound: the bound, or `None`.
    """
    return gradient if bound is None else gradient * (1 - ops.square(capped / bound))
