"""Bases of the recurrent layers and cells.

A layer wraps a cell in Keras's own RNN, so states, masks and directions are Keras's. The cells of
parallel layers have two ways to run: `call` computes one step, as `keras.layers.RNN` needs it, and
`sequence` computes all steps at once. If a cell's state follows a linear recurrence, `LinearCell`
has both ways, and the cell defines the coefficients and the output for a given state.
"""

from __future__ import annotations

from typing import Any, ClassVar

import keras
from keras import ops

from kerasx_sequence.linear_recurrence import join_complex, linear_recurrence, split_complex

Tensor = Any
LAYER_ARGUMENTS = ("name", "trainable", "dtype")  # of every layer


class CellRNN(keras.layers.RNN):
    """Base of layers that run a cell over time and take its arguments instead of the cell.

    A subclass sets `cell_class` and repeats the signature of the cell, because that is what editors
    and `inspect.signature` show. It passes the cell's arguments on by position, and those of
    `keras.layers.RNN` by keyword.
    """

    cell_class: ClassVar[type[keras.layers.Layer]]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(self.cell_class(*args, dtype=kwargs.get("dtype")), **kwargs)

    def get_config(self) -> dict[str, Any]:
        config = super().get_config()
        del config["cell"]
        cell_config = self.cell.get_config()
        for name in LAYER_ARGUMENTS:
            del cell_config[name]
        return {**cell_config, **config}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> CellRNN:
        return cls(**config)


class ParallelRNN(CellRNN):
    """Base of layers that compute all steps at once, with the `sequence` of their cell."""

    def inner_loop(
        self, sequences: Tensor, initial_state: Any, mask: Tensor | None, training: bool = False
    ) -> tuple[Tensor, Tensor, list[Tensor]]:
        """Return the last output, all outputs and the last states, as Keras's loop does."""
        if mask is not None:
            mask = ops.cast(mask, "bool")
        if self.go_backwards:
            sequences = ops.flip(sequences, 1)
            mask = None if mask is None else ops.flip(mask, 1)
        outputs, states = self.cell.sequence(sequences, list(initial_state), mask)
        if mask is not None:
            kept = mask[..., None]
            outputs = ops.where(kept, outputs, ops.zeros_like(outputs))
            if not self.zero_output_for_mask:
                outputs = linear_recurrence(ops.cast(ops.logical_not(kept), outputs.dtype), outputs)
        return outputs[:, -1], outputs, states


class LinearCell(keras.layers.Layer):
    """Base of cells whose state is `h[t] = decay[t] * h[t-1] + update[t]`.

    Subclasses define `coefficients` and may define `read`. Both serve one step, `(batch,
    channels)`, and all steps, `(batch, time, channels)`. A complex state is kept as two tensors.
    """

    state_size: int | list[int]
    output_size: int

    def coefficients(self, inputs: Tensor) -> tuple[Tensor, Tensor]:
        """Compute `decay` and `update`, floating or complex, `(..., units)` each."""
        raise NotImplementedError

    def read(self, state: Tensor, inputs: Tensor) -> Tensor:
        """Compute the outputs of the cell, `(..., output_size)`."""
        return state

    def call(self, inputs: Tensor, states: Any, training: bool = False) -> tuple[Tensor, Any]:
        is_nested = keras.tree.is_nested(states)
        decay, update = self.coefficients(inputs)
        before = _join(list(states) if is_nested else [states])
        dtype = keras.backend.result_type(decay.dtype, update.dtype)
        state = decay * ops.cast(before, dtype) + update
        parts = [ops.cast(part, self.compute_dtype) for part in _split(state)]
        outputs = ops.cast(self.read(state, inputs), self.compute_dtype)
        return outputs, parts if is_nested else parts[0]

    def sequence(
        self, inputs: Tensor, states: list[Tensor], mask: Tensor | None
    ) -> tuple[Tensor, list[Tensor]]:
        """Compute the outputs of all steps and the last states.

        A masked step leaves the state as it is.
        """
        decay, update = self.coefficients(inputs)
        if mask is not None:
            kept = mask[..., None]
            decay = ops.where(kept, decay, ops.ones_like(decay))
            update = ops.where(kept, update, ops.zeros_like(update))
        state = linear_recurrence(decay, update, initial_state=_join(states))
        state = ops.cast(state, update.dtype)
        outputs = ops.cast(self.read(state, inputs), self.compute_dtype)
        return outputs, _split(state[:, -1])


def _join(states: list[Tensor]) -> Tensor:
    """Join the states into one: complex, if they are a real and an imaginary part."""
    if len(states) == 1:
        return states[0]
    return join_complex(*(ops.cast(part, "float32") for part in states))


def _split(state: Tensor) -> list[Tensor]:
    if not keras.backend.standardize_dtype(state.dtype).startswith("complex"):
        return [state]
    return list(split_complex(state))


def channels_of(layer: str, shape: tuple[int | None, ...]) -> int:
    """Return the size of the last axis; raise ValueError if it is unknown."""
    if shape[-1] is None:
        raise ValueError(
            f"{layer}: the last axis of the inputs must have a size; received shape {tuple(shape)}"
        )
    return shape[-1]
