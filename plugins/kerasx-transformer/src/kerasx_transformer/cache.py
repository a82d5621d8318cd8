"""Key-value cache: keys and values of earlier positions, for models that run in steps.

The cache is a list of arrays, which a scope takes in and gives out, so a compiled loop can hold it.
Layers find it in that scope, as Keras's layers find their state in `keras.StatelessScope`. So a
whole model, functional or not, runs in steps without being rewritten.
"""

from __future__ import annotations

from contextvars import ContextVar
from typing import Any

from keras import ops

Tensor = Any
Values = list[tuple[Tensor, ...]]


_scope: ContextVar[CacheScope | None] = ContextVar("kerasx_transformer_cache", default=None)


class CacheScope:
    """Scope in which attention layers attend to all earlier positions, and cache those of the call.

    The first call, without `values`, takes the tokens from position 0 on and creates the cache.
    Later calls take the tokens that follow:

    ```python
    with CacheScope(length=64) as cache:
        logits = model(prompt)  # (batch, time, vocabulary)
    with CacheScope(length=64, values=cache.values, position=prompt.shape[1]) as cache:
        logits = model(next_token)  # (batch, 1)
    ```

    If your own layer depends on positions, add `first_position()` to those it counts.

    Args:
        length: number of positions that the cache holds.
        values: the `values` of the previous scope; `None` for a new cache. Their first axis is the
            batch.
        position: position of the first token of this call: an integer, or an int32 scalar tensor,
            which must leave room for the tokens of the call.

    Attributes:
        values: for each call of an attention layer, in their order, a tuple of keys
            `(batch, length, heads, key_dim)`, rotated if the layer rotates, values
            `(batch, length, heads, value_dim)`, and, if the layer got a mask, a boolean mask
            `(batch, length)`.

    Raises:
        ValueError: the tokens of the call exceed `length`, or `values` came from another model.

    Example:
    >>> import keras, numpy as np
    >>> from kerasx_transformer.cache import CacheScope
    >>> layer = keras.layers.Dense(2)  # caches nothing
    >>> with CacheScope(length=4) as cache:
    ...     y = layer(np.ones((1, 3, 2)))
    >>> cache.values
    []
    """

    def __init__(
        self, length: int, values: Values | None = None, position: int | Tensor = 0
    ) -> None:
        self.length = length
        self.position = position
        self.values: Values = []
        self._before = None if values is None else list(values)

    def __enter__(self) -> CacheScope:
        self._outer = _scope.set(self)
        return self

    def __exit__(self, kind: type | None, *_: object) -> None:
        _scope.reset(self._outer)
        if kind is None and self._before is not None and len(self.values) != len(self._before):
            raise ValueError(
                f"CacheScope: values holds {len(self._before)} calls of attention layers; this "
                f"model made {len(self.values)}"
            )

    @property
    def is_new(self) -> bool:
        """Return whether this call creates the cache."""
        return self._before is None

    def extend(self, *arrays: Tensor) -> tuple[Tensor, ...]:
        """Cache arrays `(batch, time, ...)` of this call; return them with all earlier ones."""
        time = arrays[0].shape[1]
        if isinstance(self.position, int) and self.position + time > self.length:
            raise ValueError(
                f"CacheScope: length={self.length} has no room for {time} positions from "
                f"position={self.position} on"
            )
        if self._before is None:
            cached: tuple[Tensor, ...] = tuple(
                ops.zeros((ops.shape(array)[0], self.length, *array.shape[2:]), array.dtype)
                for array in arrays
            )
        else:
            cached = self._before[len(self.values)] if len(self.values) < len(self._before) else ()
        if len(cached) != len(arrays):
            raise ValueError(
                f"CacheScope: values holds {len(cached)} arrays for call {len(self.values)} of an "
                f"attention layer; this model caches {len(arrays)}"
            )
        slot = tuple(
            ops.slice_update(before, [0, self.position] + [0] * (len(now.shape) - 2), now)
            for before, now in zip(cached, arrays, strict=True)
        )
        self.values.append(slot)
        return slot


def current_scope() -> CacheScope | None:
    """Return the scope that layers are called in, or `None`."""
    return _scope.get()


def first_position() -> int | Tensor:
    """Return the position of the first token of this call: 0, except within a `CacheScope`."""
    scope = current_scope()
    return 0 if scope is None else scope.position
