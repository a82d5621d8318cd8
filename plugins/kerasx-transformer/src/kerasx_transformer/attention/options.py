"""Arguments of attention in addition to query, key and value, and the formulas they stand for."""

from __future__ import annotations

import dataclasses
import functools
import math
from typing import Any, NamedTuple

import keras
from keras import ops

from kerasx.authoring import is_integer
from kerasx_transformer.softcap import soft_cap

Tensor = Any
Window = int | tuple[int | None, int | None] | None
WINDOW = "a positive integer, or a pair (left, right) of integers from 0 or None"
LEAST = -1e30  # below every score, yet finite: the maximum of a row that sees nothing


@dataclasses.dataclass(frozen=True)
class Options:
    """The arguments that are compiled into the program; see `blockwise_attention`."""

    causal: bool = False
    window: Window = None
    scale: float | None = None
    logit_softcap: float | None = None
    dropout_rate: float = 0.0

    @property
    def sides(self) -> tuple[int | None, int | None]:
        """Numbers of keys that a query sees before and after its own position; `None` for all."""
        left: int | None
        right: int | None
        if isinstance(self.window, int):
            left = right = self.window - 1
        else:
            left, right = self.window or (None, None)
        return left, 0 if self.causal else right

    def scaled(self, query: Tensor) -> Tensor:
        """Queries times the factor of the scores."""
        return query * (query.shape[-1] ** -0.5 if self.scale is None else self.scale)

    def visible(self, query: Tensor, key: Tensor) -> list[Tensor]:
        """Conditions that must all hold for the query at one position to see the key at another.

        Args:
            query: positions of queries, counted as those of the keys are; of one axis of scores.
            key: positions of keys, of the other axis.
        """
        left, right = self.sides
        conditions = []
        if right is not None:
            conditions.append(key <= (query + right if right else query))
        if left is not None:
            conditions.append(key >= query - left)
        return conditions

    def capped(self, scores: Tensor) -> Tensor:
        """Scores after the soft cap."""
        return soft_cap(scores, self.logit_softcap)


class Modifiers(NamedTuple):
    """The optional tensors; see `blockwise_attention`. `segment_ids` is a pair."""

    segment_ids: tuple[Tensor, Tensor] | None = None
    mask: Tensor | None = None
    bias: Tensor | None = None
    seed: Tensor | None = None


def as_pair(segment_ids: Tensor | tuple[Tensor, Tensor]) -> tuple[Tensor, Tensor]:
    """Segments of the queries and of the keys."""
    if isinstance(segment_ids, list | tuple):
        return tuple(segment_ids)
    return segment_ids, segment_ids


def hide(scores: Tensor, conditions: list[Tensor], value: float = -math.inf) -> Tensor:
    """Scores where all conditions hold, and a value below all scores elsewhere."""
    if not conditions:
        return scores
    visible = functools.reduce(ops.logical_and, conditions)
    return ops.where(visible, scores, ops.cast(value, scores.dtype))


def accumulation_dtype(query: Tensor) -> str:
    """Dtype of scores and sums: float32, or float64 for float64 queries."""
    return keras.backend.result_type(query.dtype, "float32")


def is_window(window: Any) -> bool:
    """Return whether a value is a valid `window`."""
    if isinstance(window, list | tuple):
        return len(window) == 2 and all(side is None or is_integer(side, 0) for side in window)
    return window is None or is_integer(window, 1)
