"""Checks of the arguments of `blockwise_attention`."""

from __future__ import annotations

from typing import Any

import keras

from kerasx.authoring import check_argument
from kerasx_transformer.attention.options import WINDOW, Modifiers, Options, is_window

Tensor = Any
NAME = "blockwise_attention"


def check_arguments(query: Tensor, key: Tensor, modifiers: Modifiers, options: Options) -> None:
    """Raise ValueError where the arguments do not match.

    Ranks, dtypes and common sizes of query, key and value are checked by the kernel itself.
    """
    batch, query_time, heads, _ = query.shape
    key_time, key_heads = key.shape[1:3]
    if heads % key_heads:
        _refuse("query", f"have a multiple of the {key_heads} heads of key", heads)
    segment_ids, mask, bias, seed = modifiers
    scores_shape = (batch, heads, query_time, key_time)
    for name, tensor in {"mask": mask, "bias": bias}.items():
        if tensor is not None and not _broadcasts(tensor.shape, scores_shape):
            _refuse(name, f"be broadcastable to {scores_shape}", tuple(tensor.shape))
    if mask is not None and keras.backend.standardize_dtype(mask.dtype) != "bool":
        _refuse("mask", "be boolean; an additive one is a `bias`", mask.dtype)
    if segment_ids is not None:
        expected = ((batch, query_time), (batch, key_time))
        shapes = [tuple(ids.shape) for ids in segment_ids]
        if len(shapes) != 2 or not all(map(_may_equal, shapes, expected)):
            message = f"have shape {expected[0]}, or be a pair {expected}"
            _refuse("segment_ids", message, shapes)
    check_argument(NAME, "window", options.window, is_window(options.window), WINDOW)
    if options.logit_softcap is not None:
        softcap = options.logit_softcap
        check_argument(NAME, "logit_softcap", softcap, softcap > 0, "positive")
    rate = options.dropout_rate
    check_argument(NAME, "dropout_rate", rate, 0 <= rate < 1, "at least 0 and below 1")
    if rate and seed is None:
        _refuse("seed", "be given with dropout_rate: keras.random.SeedGenerator().next()", seed)


def _broadcasts(shape: Any, target: tuple) -> bool:
    shape = (*[1] * (len(target) - len(shape)), *shape)
    return len(shape) == len(target) and all(
        size == 1 or _may_equal_size(size, wanted)
        for size, wanted in zip(shape, target, strict=True)
    )


def _may_equal(shape: tuple, other: tuple) -> bool:
    return len(shape) == len(other) and all(map(_may_equal_size, shape, other))


def _may_equal_size(size: Any, other: Any) -> bool:
    """Return whether two sizes may be equal: one that is no integer is not known yet."""
    return not (isinstance(size, int) and isinstance(other, int)) or size == other


def _refuse(argument: str, must: str, received: Any) -> None:
    raise ValueError(f"{NAME}: {argument} must {must}; received {received}")
