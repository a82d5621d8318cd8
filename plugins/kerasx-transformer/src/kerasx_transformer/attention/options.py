"""Arguments of attention in addition to query, key and value, and the formulas they stand for."""

from __future__ import annotations

import dataclasses
import functools
import math
from typing import Any, NamedTuple

import keras
from keras import ops

from kerasx_transformer.softcap import soft_cap

Tensor = Any
LEAST = -1e30  # below every score, yet finite: the maximum of a row that sees nothing


@dataclasses.dataclass(frozen=True)
class Options:
    """The arguments that are compiled into the program; see `blockwise_attention`."""

    causal: bool = False
    window: int | None = None
    scale: float | None = None
    logit_softcap: float | None = None
    dropout_rate: float = 0.0

    def scaled(self, query: Tensor) -> Tensor:
        """Queries times the factor of the scores."""
        return query * (query.shape[-1] ** -0.5 if self.scale is None else self.scale)

    def visible(self, query: Tensor, key: Tensor) -> list[Tensor]:
        """Conditions that must all hold for the query at one position to see the key at another.

        Args:
            query: positions of queries, counted as those of the keys are; of one axis of scores.
            key: positions of keys, of the other axis.
        """
        conditions = [key <= query] if self.causal else []
        if self.window is not None:
            conditions.append(key > query - self.window)
            if not self.causal:
                conditions.append(key < query + self.window)
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
