"""The selective scan of Mamba: a recurrence whose decay and update depend on the input.

Each channel has several states, so keeping all of them for every step would take many times the
memory of inputs and outputs. The forward pass keeps only the state before each chunk of steps; the
backward pass recomputes the states of one chunk at a time.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import keras
from keras import ops

import kerasx
from kerasx.authoring import put, wide_dtype
from kerasx_sequence.linear_recurrence import append_steps, missing_steps

Tensor = Any
CHUNK = 32  # steps; memory holds the states of one chunk and one state before each chunk


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
    delta_bias: Tensor | None = None,
    delta_softplus: bool = False,
) -> tuple[Tensor, Tensor]:
    """Compute `selective_scan` by its definition, step by step."""
    delta = delta if delta_bias is None else delta + delta_bias
    delta = ops.softplus(delta) if delta_softplus else delta
    if len(B.shape) == 4:  # of each group, repeated for its channels
        B, C = (ops.repeat(tensor, x.shape[2] // B.shape[2], 2) for tensor in (B, C))
    else:
        B, C = B[:, :, None], C[:, :, None]
    state = ops.zeros_like(x[:, 0, :, None] * A) if initial_state is None else initial_state
    outputs = []
    for t in range(x.shape[1]):
        decay = ops.exp(delta[:, t, :, None] * A)
        state = decay * state + (delta[:, t] * x[:, t])[..., None] * B[:, t]
        outputs.append(ops.sum(state * C[:, t], -1))
    y = ops.stack(outputs, 1)
    y = y if D is None else y + D * x
    return (y if z is None else y * ops.silu(z)), state


@kerasx.kernel(
    static=("delta_softplus",),
    reference=plain_selective_scan,
    shapes={
        "x": "batch time channels",
        "delta": "batch time channels",
        "A": "channels states",
        "B": "batch time states | batch time groups states",
        "C": "batch time states | batch time groups states",
        "D": "channels",
        "z": "batch time channels",
        "initial_state": "batch channels states",
        "delta_bias": "channels",
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
    delta_bias: Tensor | None = None,
    delta_softplus: bool = False,
) -> tuple[Tensor, Tensor]:
    """Compute the recurrence of Mamba, whose states each input may keep, forget or add to.

        h[t] = exp(delta[t] * A) * h[t-1] + (delta[t] * x[t]) outer B[t]
        y[t] = h[t] @ C[t] + D * x[t],  times silu(z[t]) if z is given

    `delta + delta_bias` takes the place of `delta` if there is a bias, and its softplus if
    `delta_softplus` says so. With groups, each of `B` and `C` serves `channels / groups` channels
    next to each other, as in Mamba's own `selective_scan_fn`.

    States are computed in float32 or wider. The states of all steps, `states` times as large as
    `x`, are never in memory at once: the gradient recomputes them, 32 steps at a time. Gradients
    flow to all arguments, once: a second derivative is not defined. A step with `delta = 0` leaves
    the state as it is.

    Reference: Gu and Dao 2023, Mamba: Linear-Time Sequence Modeling with Selective State Spaces,
    arXiv:2312.00752, section 3.

    Args:
        x: floating tensor `(batch, time, channels)`.
        delta: `(batch, time, channels)`, the step sizes, from 0.
        A: `(channels, states)`, below 0.
        B: `(batch, time, states)` or `(batch, time, groups, states)`, the weights with which an
            input is added to the states.
        C: as `B`, the weights with which the states are read.
        D: `(channels,)`, the weight with which an input is added to its own output.
        z: `(batch, time, channels)`, a gate for the outputs.
        initial_state: `h[-1]`, `(batch, channels, states)`; zeros by default.
        delta_bias: `(channels,)`, added to `delta`.
        delta_softplus: whether the step sizes are `softplus(delta + delta_bias)`; `delta` may then
            be any number.

    Returns:
        `y`, of the shape and dtype of `x`, and the last state, `(batch, channels, states)`, in
        float32 or wider.

    Raises:
        TypeError: an argument is not floating.
        ValueError: shapes do not match, or the number of groups does not divide the channels.

    Example:
    >>> import keras, kerasx
    >>> x = keras.ops.ones((1, 3, 1))
    >>> one = keras.ops.ones((1, 1))
    >>> y, state = kerasx.kernels.selective_scan(x, x, -one, x, x)
    >>> print(keras.ops.convert_to_numpy(y[0, :, 0]).round(3))
    [1.    1.368 1.503]
    """
    wide = wide_dtype(x.dtype)
    groups = [tensor.shape[2] if len(tensor.shape) == 4 else None for tensor in (B, C)]
    if groups[0] != groups[1] or (groups[0] and x.shape[2] % groups[0]):
        raise ValueError(
            "selective_scan: B and C must both have groups, whose number divides the "
            f"{x.shape[2]} channels of x, or both none; received {groups[0]} and {groups[1]}"
        )
    delta = _step_sizes(delta, delta_bias, delta_softplus, wide)
    if initial_state is None:
        initial_state = ops.zeros((ops.shape(x)[0], *A.shape), wide)
    y, state = _scan(x, delta, A, B, C, ops.cast(initial_state, wide))
    if D is not None:
        y = y + ops.cast(D, wide) * ops.cast(x, wide)
    if z is not None:
        y = y * ops.silu(ops.cast(z, wide))
    return ops.cast(y, x.dtype), state


def _step_sizes(delta: Tensor, bias: Tensor | None, softplus: bool, wide: str) -> Tensor:
    if bias is not None:
        delta = ops.cast(delta, wide) + ops.cast(bias, wide)
    return ops.softplus(ops.cast(delta, wide)) if softplus else delta


def _append_steps(
    delta_bias: Tensor | None = None, delta_softplus: bool = False, **arguments: Any
) -> tuple[dict[str, Any], Callable[[Any], Any]]:
    """Append steps of size 0, which change nothing."""
    x = arguments["x"]
    missing, time = missing_steps(x), ops.shape(x)[1]
    wide = wide_dtype(x.dtype)
    arguments["delta"] = _step_sizes(arguments["delta"], delta_bias, delta_softplus, wide)
    sequences = [name for name in ("x", "delta", "B", "C", "z") if arguments.get(name) is not None]
    padded: dict[str, Any] = {name: append_steps(arguments[name], missing) for name in sequences}
    padded |= {"delta_bias": None, "delta_softplus": False}
    return padded, lambda outputs: (outputs[0][:, :time], outputs[1])


selective_scan.round_up_by(lambda **arguments: missing_steps(arguments["x"]), _append_steps)


@kerasx.custom_gradient
def _scan(x: Tensor, delta: Tensor, A: Tensor, B: Tensor, C: Tensor, start: Tensor) -> Any:
    """Return `y` without `D` and `z`, and the last state."""
    wide = start.dtype
    time = ops.shape(x)[1]
    size = max(1, min(CHUNK, time)) if isinstance(time, int) else CHUNK
    chunks = -(-time // size)
    missing = chunks * size - time
    # States come before channels: a sum over the few states then adds long rows.
    A = ops.transpose(ops.cast(A, wide))
    start = ops.transpose(start, (0, 2, 1))
    padded = [_pad_time(tensor, missing) for tensor in (x, delta, B, C)]
    groups = B.shape[2] if len(B.shape) == 4 else None

    def over_channels(tensor: Tensor) -> Tensor:
        """Spread B or C of a step over channels, `(batch, states, 1)` without groups."""
        if groups is None:
            return tensor[..., None]
        return ops.repeat(ops.transpose(tensor, (0, 2, 1)), x.shape[2] // groups, 2)

    def sum_over_channels(tensor: Tensor) -> Tensor:
        """Sum `(batch, states, channels)` to the shape of B and C of a step."""
        if groups is None:
            return ops.sum(tensor, 2)
        batch, states, channels = ops.shape(tensor)
        tensor = ops.reshape(tensor, (batch, states, groups, channels // groups))
        return ops.transpose(ops.sum(tensor, 3), (0, 2, 1))

    def at(t: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Return x and delta of a step, `(batch, 1, channels)`, and B and C `over_channels`."""
        x, delta, B, C = (ops.cast(tensor[:, t], wide) for tensor in padded)
        return x[:, None], delta[:, None], over_channels(B), over_channels(C)

    def advance(state: Tensor, x: Tensor, delta: Tensor, B: Tensor) -> Tensor:
        return ops.exp(delta * A) * state + delta * x * B

    def forward(chunk: Tensor, carry: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
        state, starts, y = carry
        starts = put(starts, chunk, state, axis=1)

        def step(t: Tensor, carry: tuple[Tensor, Tensor]) -> tuple[Tensor, Tensor]:
            state, y = carry
            x, delta, B, C = at(chunk * size + t)
            state = advance(state, x, delta, B)
            return state, put(y, chunk * size + t, ops.sum(state * C, 1), axis=1)

        state, y = _loop(size, step, (state, y))
        return state, starts, y

    sizes = ops.shape(start)
    starts = ops.zeros((sizes[0], chunks, *sizes[1:]), wide)
    y = ops.zeros(ops.shape(padded[0]), wide)
    last, starts, y = _loop(chunks, forward, (start, starts, y))

    def gradient(upstream: tuple[Tensor, Tensor]) -> tuple[Tensor, ...]:
        y_slope = _pad_time(upstream[0], missing)

        def backward(i: Tensor, carry: tuple[Any, ...]) -> tuple[Any, ...]:
            state_slope, A_slope, slopes, states = carry
            chunk = chunks - 1 - i
            first = chunk * size

            def recompute(t: Tensor, carry: tuple[Tensor, Tensor]) -> tuple[Tensor, Tensor]:
                state, states = carry
                x, delta, B, _ = at(first + t)
                return advance(state, x, delta, B), put(states, t, state, axis=1)

            _, states = _loop(size, recompute, (starts[:, chunk], states))

            def step(i: Tensor, carry: tuple[Any, ...]) -> tuple[Any, ...]:
                state_slope, A_slope, slopes = carry
                t = size - 1 - i
                x, delta, B, C = at(first + t)
                upstream = ops.cast(y_slope[:, first + t], wide)[:, None]
                decay, before = ops.exp(delta * A), states[:, t]
                state = decay * before + delta * x * B
                state_slope = state_slope + upstream * C
                exponent_slope = state_slope * decay * before
                update_slope = ops.sum(state_slope * B, 1)
                parts = (
                    delta[:, 0] * update_slope,
                    ops.sum(exponent_slope * A, 1) + x[:, 0] * update_slope,
                    sum_over_channels(state_slope * (delta * x)),
                    sum_over_channels(state * upstream),
                )
                slopes = [
                    put(slope, first + t, part, axis=1)
                    for slope, part in zip(slopes, parts, strict=True)
                ]
                A_slope = A_slope + ops.sum(exponent_slope * delta, 0)
                return state_slope * decay, A_slope, slopes

            return *_loop(size, step, (state_slope, A_slope, slopes)), states

        state_slope = ops.transpose(ops.cast(upstream[1], wide), (0, 2, 1))
        slopes = [ops.zeros(ops.shape(tensor), wide) for tensor in padded]
        # Allocated out here, since TensorFlow knows the batch size only outside of the loop.
        states = ops.zeros((sizes[0], size, *sizes[1:]), wide)
        carry = (state_slope, ops.zeros_like(A), slopes, states)
        state_slope, A_slope, slopes, _ = _loop(chunks, backward, carry)
        x_slope, delta_slope, B_slope, C_slope = (slope[:, :time] for slope in slopes)
        start_slope = ops.transpose(state_slope, (0, 2, 1))
        return x_slope, delta_slope, ops.transpose(A_slope), B_slope, C_slope, start_slope

    return (y[:, :time], ops.transpose(last, (0, 2, 1))), gradient


def _pad_time(tensor: Tensor, missing: int | Tensor) -> Tensor:
    """Append steps of zeros, which change nothing."""
    batch, _, *rest = ops.shape(tensor)
    return ops.concatenate([tensor, ops.zeros((batch, missing, *rest), tensor.dtype)], 1)


def _loop(count: int | Tensor, body: Callable[..., Any], carry: Any) -> Any:
    if keras.backend.backend() != "torch":
        return ops.fori_loop(0, count, body, carry)
    for i in range(count):  # Keras's loop would count in tensors, which are slow to index with
        carry = body(i, carry)
    return carry
