"""Recurrent layers that compute all time steps at once, and their cells that compute one.

A cell has the weights and both ways of running: `call`, one step, which `keras.layers.RNN` uses,
and `sequence`, all steps. A layer wraps the cell in Keras's own RNN and replaces its loop, so that
states, masks and directions are Keras's. Where a cell's state follows a linear recurrence, both
ways are written here, and the cell says the coefficients and what is read off the state.
"""

from __future__ import annotations

from typing import Any

import keras
from keras import ops

from kerasx_sequence.linear_recurrence import linear_recurrence

Tensor = Any
OF_EVERY_LAYER = ("name", "trainable", "dtype")


class ParallelRNN(keras.layers.RNN):
    """Base of the layers: `keras.layers.RNN` over a cell that has `sequence`.

    A subclass takes the arguments of its cell, by the same names, and gives the cell to `__init__`.
    """

    def inner_loop(
        self, sequences: Tensor, initial_state: Any, mask: Tensor | None, training: bool = False
    ) -> tuple[Tensor, Tensor, list[Tensor]]:
        """The last output, all outputs, and the last states, as Keras's loop gives them."""
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

    def get_config(self) -> dict[str, Any]:
        config = super().get_config()
        of_cell = self.cell.get_config()
        del config["cell"]
        return {**{name: of_cell[name] for name in of_cell if name not in OF_EVERY_LAYER}, **config}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> ParallelRNN:
        return cls(**config)


class LinearCell(keras.layers.Layer):
    """Base of the cells whose state is `h[t] = decay[t] * h[t-1] + update[t]`.

    Subclasses define `coefficients` and may define `read`; both are the same for one step,
    `(batch, channels)`, and for all, `(batch, time, channels)`. A complex state is kept as two.
    """

    state_size: int | list[int]
    output_size: int

    def coefficients(self, inputs: Tensor) -> tuple[Tensor, Tensor]:
        """`decay` and `update`, floating or complex: `(..., units)`."""
        raise NotImplementedError

    def read(self, state: Tensor, inputs: Tensor) -> Tensor:
        """What the cell gives, `(..., output_size)`."""
        return state

    def call(self, inputs: Tensor, states: Any, training: bool = False) -> tuple[Tensor, Any]:
        nested = keras.tree.is_nested(states)
        decay, update = self.coefficients(inputs)
        before = _joined(list(states) if nested else [states])
        dtype = keras.backend.result_type(decay.dtype, update.dtype)
        state = decay * ops.cast(before, dtype) + update
        parts = [ops.cast(part, self.compute_dtype) for part in _split(state)]
        outputs = ops.cast(self.read(state, inputs), self.compute_dtype)
        return outputs, parts if nested else parts[0]

    def sequence(
        self, inputs: Tensor, states: list[Tensor], mask: Tensor | None
    ) -> tuple[Tensor, list[Tensor]]:
        """Outputs of all steps, and the last states; masked steps leave the state as it is."""
        decay, update = self.coefficients(inputs)
        if mask is not None:
            kept = mask[..., None]
            decay = ops.where(kept, decay, ops.ones_like(decay))
            update = ops.where(kept, update, ops.zeros_like(update))
        state = linear_recurrence(decay, update, initial_state=_joined(states))
        state = ops.cast(state, update.dtype)
        outputs = ops.cast(self.read(state, inputs), self.compute_dtype)
        return outputs, _split(state[:, -1])


def _joined(states: list[Tensor]) -> Tensor:
    """One state: complex, if there are two parts."""
    if len(states) == 1:
        return states[0]
    return ops.view_as_complex(ops.cast(ops.stack(states, -1), "float32"))


def _split(state: Tensor) -> list[Tensor]:
    if not keras.backend.standardize_dtype(state.dtype).startswith("complex"):
        return [state]
    return [ops.real(state), ops.imag(state)]


def check_size(layer: str, argument: str, value: Any) -> int:
    """A positive integer; raise ValueError otherwise."""
    if isinstance(value, bool) or not isinstance(value, int) or value < 1:
        raise ValueError(f"{layer}: {argument} must be a positive integer; received {value!r}")
    return value


def channels_of(layer: str, shape: tuple[int | None, ...]) -> int:
    """The size of the last axis; raise ValueError if it is unknown."""
    if shape[-1] is None:
        raise ValueError(
            f"{layer}: the last axis of the inputs must have a size; received shape {tuple(shape)}"
        )
    return shape[-1]
