"""The selective scan: a recurrence whose decay and input depend on the input (Mamba).

Each channel has several states, so that all states of all time would take many times the memory of
inputs and outputs. The forward pass keeps the state before every chunk of some steps; the backward
pass computes the states of one chunk again at a time.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import keras
from keras import ops

import kerasx

Tensor = Any
CHUNK = 32  # steps; the states of one chunk and those before all chunks are kept at once


def plain_selective_scan(
    x: Tensor,
    delta: Tensor,
    A: Tensor,
    B: Tensor,
    C: Tensor,
    D: Tensor | None = None,
    z: Tensor | None = None,
    *,
    initial_state: Tensor | None = None,
) -> tuple[Tensor, Tensor]:
    """The reference: the definition, step by step."""
    state = ops.zeros_like(x[:, 0, :, None] * A) if initial_state is None else initial_state
    outputs = []
    for t in range(x.shape[1]):
        decay = ops.exp(delta[:, t, :, None] * A)
        state = decay * state + (delta[:, t] * x[:, t])[..., None] * B[:, t, None, :]
        outputs.append(ops.sum(state * C[:, t, None, :], -1))
    y = ops.stack(outputs, 1)
    y = y if D is None else y + D * x
    return (y if z is None else y * ops.silu(z)), state


@kerasx.kernel(
    reference=plain_selective_scan,
    shapes={
        "x": "batch time channels",
        "delta": "batch time channels",
        "A": "channels states",
        "B": "batch time states",
        "C": "batch time states",
        "D": "channels",
        "z": "batch time channels",
        "initial_state": "batch channels states",
    },
    returns=("batch time channels", "batch channels states"),
)
def selective_scan(
    x: Tensor,
    delta: Tensor,
    A: Tensor,
    B: Tensor,
    C: Tensor,
    D: Tensor | None = None,
    z: Tensor | None = None,
    *,
    initial_state: Tensor | None = None,
) -> tuple[Tensor, Tensor]:
    """The recurrence of Mamba: states that each input may keep, forget or add to.

        h[t] = exp(delta[t] * A) * h[t-1] + (delta[t] * x[t]) outer B[t]
        y[t] = h[t] @ C[t] + D * x[t],  times silu(z[t]) where given

    States are computed in float32 or wider. Those of all time, which are `states` times as large as
    `x`, are never held: the gradient computes them again, 32 steps at a time. It flows to all
    arguments, once: a second derivative is not defined. A step with `delta = 0` leaves the state as
    it is.

    From: Gu and Dao 2023, Mamba: Linear-Time Sequence Modeling with Selective State Spaces,
    arXiv:2312.00752, section 3.

    Args:
        x: floating tensor `(batch, time, channels)`.
        delta: `(batch, time, channels)`: the size of each step, from 0.
        A: `(channels, states)`, below 0.
        B: `(batch, time, states)`: how an input adds to the states.
        C: `(batch, time, states)`: how they are read.
        D: `(channels,)`: how an input adds to its own output.
        z: `(batch, time, channels)`: a gate of the outputs.
        initial_state: `h[-1]`, `(batch, channels, states)`; zeros by default.

    Returns:
        `y`, of the shape and dtype of `x`, and the last state, `(batch, channels, states)`, in
        float32 or wider.

    Raises:
        TypeError: an argument is not floating.
        ValueError: shapes do not fit.

    Example:
    >>> import keras, kerasx
    >>> x = keras.ops.ones((1, 3, 1))
    >>> one = keras.ops.ones((1, 1))
    >>> y, state = kerasx.kernels.selective_scan(x, x, -one, x, x)
    >>> print(keras.ops.convert_to_numpy(y[0, :, 0]).round(3))
    [1.    1.368 1.503]
    """
    wide = keras.backend.result_type(x.dtype, "float32")
    if initial_state is None:
        initial_state = ops.zeros((ops.shape(x)[0], *A.shape), wide)
    y, state = _scan(x, delta, A, B, C, ops.cast(initial_state, wide))
    if D is not None:
        y = y + ops.cast(D, wide) * ops.cast(x, wide)
    if z is not None:
        y = y * ops.silu(ops.cast(z, wide))
    return ops.cast(y, x.dtype), state


@kerasx.custom_gradient
def _scan(x: Tensor, delta: Tensor, A: Tensor, B: Tensor, C: Tensor, start: Tensor) -> Any:
    """`y` without `D` and `z`, and the last state."""
    wide = start.dtype
    time = ops.shape(x)[1]
    size = max(1, min(CHUNK, time)) if isinstance(time, int) else CHUNK
    chunks = -(-time // size)
    missing = chunks * size - time
    # States before channels: sums over few states are then sums of long rows.
    A = ops.transpose(ops.cast(A, wide))
    start = ops.transpose(start, (0, 2, 1))
    rows = [_in_chunks(each, missing) for each in (x, delta, B, C)]

    def at(rows: Sequence[Tensor], t: Tensor) -> list[Tensor]:
        """Values of a step; those over channels as `(batch, 1, channels)`, others transposed."""
        x, delta, *others = (ops.cast(each[:, t], wide) for each in rows)
        return [x[:, None], delta[:, None], *(each[..., None] for each in others)]

    def advanced(state: Tensor, x: Tensor, delta: Tensor, B: Tensor) -> Tensor:
        return ops.exp(delta * A) * state + delta * x * B

    def forward(chunk: Tensor, carry: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
        state, starts, y = carry
        starts = _put(starts, chunk, state)

        def step(t: Tensor, carry: tuple[Tensor, Tensor]) -> tuple[Tensor, Tensor]:
            state, y = carry
            x, delta, B, C = at(rows, chunk * size + t)
            state = advanced(state, x, delta, B)
            return state, _put(y, chunk * size + t, ops.sum(state * C, 1))

        state, y = _loop(size, step, (state, y))
        return state, starts, y

    sizes = ops.shape(start)
    starts = ops.zeros((sizes[0], chunks, *sizes[1:]), wide)
    y = ops.zeros(ops.shape(rows[0]), wide)
    last, starts, y = _loop(chunks, forward, (start, starts, y))

    def gradient(upstream: tuple[Tensor, Tensor]) -> tuple[Tensor, ...]:
        of_y = _in_chunks(upstream[0], missing)

        def backward(place: Tensor, carry: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
            slope, of_A, found, states = carry
            chunk = chunks - 1 - place
            first = chunk * size

            def again(t: Tensor, carry: tuple[Tensor, Tensor]) -> tuple[Tensor, Tensor]:
                state, states = carry
                x, delta, B, _ = at(rows, first + t)
                return advanced(state, x, delta, B), _put(states, t, state)

            _, states = _loop(size, again, (starts[:, chunk], states))

            def step(i: Tensor, carry: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
                slope, of_A, found = carry
                t = size - 1 - i
                x, delta, B, C = at(rows, first + t)
                upstream = ops.cast(of_y[:, first + t], wide)[:, None]
                decay, before = ops.exp(delta * A), states[:, t]
                state = decay * before + delta * x * B
                slope = slope + upstream * C
                of_exponent = slope * decay * before
                driven = ops.sum(slope * B, 1)
                parts = (
                    delta[:, 0] * driven,
                    ops.sum(of_exponent * A, 1) + x[:, 0] * driven,
                    ops.sum(slope * (delta * x), 2),
                    ops.sum(state * upstream, 2),
                )
                found = [
                    _put(each, first + t, part) for each, part in zip(found, parts, strict=True)
                ]
                return slope * decay, of_A + ops.sum(of_exponent * delta, 0), found

            return *_loop(size, step, (slope, of_A, found)), states

        slope = ops.transpose(ops.cast(upstream[1], wide), (0, 2, 1))
        found = [ops.zeros(ops.shape(each), wide) for each in rows]
        # TensorFlow knows a size of the batch outside of the loop only.
        states = ops.zeros((sizes[0], size, *sizes[1:]), wide)
        carry = (slope, ops.zeros_like(A), found, states)
        slope, of_A, found, _ = _loop(chunks, backward, carry)
        of_x, of_delta, of_B, of_C = (each[:, :time] for each in found)
        of_start = ops.transpose(slope, (0, 2, 1))
        return of_x, of_delta, ops.transpose(of_A), of_B, of_C, of_start

    return (y[:, :time], ops.transpose(last, (0, 2, 1))), gradient


def _in_chunks(tensor: Tensor, missing: int | Tensor) -> Tensor:
    """With zeros after the last step: such steps change nothing."""
    sizes = ops.shape(tensor)
    return ops.concatenate([tensor, ops.zeros((sizes[0], missing, sizes[2]), tensor.dtype)], 1)


def _loop(number: int | Tensor, body: Callable[..., Any], carry: Any) -> Any:
    if keras.backend.backend() != "torch":
        return ops.fori_loop(0, number, body, carry)
    for i in range(number):  # its places would be tensors otherwise
        carry = body(i, carry)
    return carry


def _put(whole: Tensor, t: Tensor, part: Tensor) -> Tensor:
    if keras.backend.backend() == "torch":  # nothing is compiled, so nobody else spares the copy
        whole[:, t] = part
        return whole
    return ops.slice_update(whole, (0, t, *[0] * (len(whole.shape) - 2)), part[:, None])
