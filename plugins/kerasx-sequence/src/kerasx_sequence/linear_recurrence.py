"""The linear recurrence h[t] = a[t] * h[t-1] + x[t], which gates, filters and state spaces share.

Its gradient is a recurrence of the same form in the other direction, so one loop serves both. The
loop reads each value once and keeps only the states, which are the result. On a CPU one loop over
time is fastest, because a step of a few thousand values takes longer to read than to start. A GPU
would wait for each step, so there it is a scan in logarithmically many passes.

Complex numbers are pairs of real tensors here, because backends disagree about complex gradients.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import keras
from keras import ops

import kerasx
from kerasx.authoring import check_shape, is_integer, put, wide_dtype, widen
from kerasx.compiler import compiled, device, round_up

Tensor = Any
Parts = Sequence[Tensor]  # a real tensor, or real and imaginary part
ROUND_UP = ("power_of_two", 64)  # rules for lengths; the smaller result applies


def plain_linear_recurrence(
    decay: Tensor,
    inputs: Tensor,
    *,
    initial_state: Tensor | None = None,
    reverse: bool = False,
    axis: int = 1,
) -> Tensor:
    """Compute `linear_recurrence` by its definition, step by step."""
    decay = ops.moveaxis(ops.broadcast_to(decay, inputs.shape), axis, 0)
    inputs = ops.moveaxis(inputs, axis, 0)
    state = ops.zeros_like(inputs[0]) if initial_state is None else initial_state
    states = []
    order = range(inputs.shape[0])
    for t in reversed(order) if reverse else order:
        state = decay[t] * state + inputs[t]
        states.append(state)
    return ops.moveaxis(ops.stack(states[::-1] if reverse else states), 0, axis)


@kerasx.kernel(
    static=("reverse", "axis"),
    reference=plain_linear_recurrence,
    shapes={"inputs": "any ..."},
    returns="any ...",
    composite=True,
)
def linear_recurrence(
    decay: Tensor,
    inputs: Tensor,
    *,
    initial_state: Tensor | None = None,
    reverse: bool = False,
    axis: int = 1,
) -> Tensor:
    """Compute `h[t] = decay[t] * h[t-1] + inputs[t]` along an axis, for all `t` at once.

    Minimal recurrent networks (Feng et al. 2024, arXiv:2410.01201), diagonal state spaces (Orvieto
    et al. 2023, arXiv:2303.06349) and moving averages all compute this. The gradient is the same
    recurrence in the other direction, `g[t] = upstream[t] + conj(decay[t+1]) * g[t+1]`: `g[t]` is
    the gradient of `inputs[t]`, and `g[t] * conj(h[t-1])` that of `decay[t]`. Time and memory are
    linear in the length, and only the result is kept for the gradient.

    Outside of compiled code TensorFlow compiles a program for each of the first eight shapes. Other
    lengths are rounded up, to a power of two or a multiple of 64, and share a few programs. Such a
    call takes up to three times as long, and a new length no longer costs a compilation.

    States are computed in float32 or wider and returned in the dtype of the arguments. Gradients
    flow to `decay`, `inputs` and `initial_state`, once: a second derivative is not defined. A GPU
    multiplies decays over spans of time. If decays above 1 make such a product overflow, the
    results are not finite there.

    Args:
        decay: floating or complex tensor of the shape of `inputs`, or one that broadcasts to it,
            such as `(units,)`. If its time axis has size 1, it is read once.
        inputs: floating or complex tensor of any shape that includes the time axis.
        initial_state: `h[-1]`, or `h[time]` with `reverse`: a tensor of the shape of `inputs`
            without the time axis; zeros by default.
        reverse: whether time runs backward: `h[t] = decay[t] * h[t+1] + inputs[t]`.
        axis: the time axis.

    Returns:
        `h`, of the shape of `inputs`.

    Raises:
        TypeError: an argument is neither floating nor complex.
        ValueError: shapes do not match.

    Example:
    >>> import keras, kerasx
    >>> h = kerasx.kernels.linear_recurrence([0.5], [[1.0, 1.0, 1.0]])
    >>> print(keras.ops.convert_to_numpy(h))
    [[1.   1.5  1.75]]
    """
    axis, dtype = _check(decay, inputs, initial_state, axis)
    shape = ops.shape(inputs)
    if 0 in inputs.shape:
        return ops.cast(inputs, dtype)
    time, before, after = shape[axis], math.prod(shape[:axis]), math.prod(shape[axis + 1 :])
    is_complex = dtype.startswith("complex")
    part_dtype = {"complex64": "float32", "complex128": "float64"}.get(dtype, dtype)

    def split(tensor: Tensor, *sizes: Any) -> Parts:
        parts = split_complex(tensor) if is_complex else (tensor,)
        return tuple(ops.reshape(ops.cast(part, part_dtype), sizes) for part in parts)

    missing = len(shape) - len(decay.shape)
    decay_time = 1 if axis < missing or decay.shape[axis - missing] == 1 else time
    decay = ops.broadcast_to(decay, (*shape[:axis], decay_time, *shape[axis + 1 :]))
    states = _recurrence(
        split(decay, before, decay_time, after),
        split(inputs, before, time, after),
        None if initial_state is None else split(initial_state, before, after),
        bool(reverse),
    )
    return ops.reshape(join_complex(*states) if is_complex else states[0], shape)


def missing_steps(tensor: Tensor, axis: int = 1) -> Any:
    """Return how many steps are missing to a power of two or a multiple of 64, the closer one."""
    time = tensor.shape[axis]
    if time is not None:
        return min(round_up(time, rule) for rule in ROUND_UP) - time
    time = ops.shape(tensor)[axis]
    return ops.minimum(*(round_up(time, rule) for rule in ROUND_UP)) - time


def append_steps(tensor: Tensor, missing: Any, value: float = 0.0, axis: int = 1) -> Tensor:
    """Append steps of one value."""
    widths = [(0, missing if place == axis else 0) for place in range(len(tensor.shape))]
    return ops.pad(tensor, widths, constant_values=ops.full((), value, tensor.dtype))


def _missing_steps(
    decay: Tensor,
    inputs: Tensor,
    *,
    initial_state: Tensor | None = None,
    axis: int = 1,
    **_: Any,
) -> Any:
    """Return how many steps a call lacks, or 0 for an axis that the kernel refuses."""
    rank = len(inputs.shape)
    if not is_integer(axis, -rank) or axis >= rank:
        return 0
    missing = missing_steps(inputs, axis)
    if isinstance(missing, int) and missing:
        _check(decay, inputs, initial_state, axis)  # a graph for all sizes knows none
    return missing


def _append_steps(
    decay: Tensor, inputs: Tensor, *, axis: int = 1, **_: Any
) -> tuple[dict[str, Tensor], Callable[[Tensor], Tensor]]:
    """Append steps that keep the state, `h[t] = 1 * h[t-1] + 0`.

    The recurrence reaches them last, or first with `reverse`. They change neither the states nor
    the gradients.
    """
    rank = len(inputs.shape)
    axis, time = axis % rank, ops.shape(inputs)[axis]
    missing = missing_steps(inputs, axis)
    # A decay for all steps gets a time axis: in further steps its powers could overflow.
    sizes = [*[1] * (rank - len(decay.shape)), *ops.shape(decay)]
    sizes[axis] = time
    padded = {
        "decay": append_steps(ops.broadcast_to(decay, sizes), missing, 1.0, axis),
        "inputs": append_steps(inputs, missing, 0.0, axis),
    }
    kept = (slice(None),) * axis + (slice(time),)
    return padded, lambda states: states[kept]


linear_recurrence.round_up_by(_missing_steps, _append_steps)


def split_complex(tensor: Tensor) -> Parts:
    """Return the real and the imaginary part of a real or complex tensor."""
    if not keras.backend.standardize_dtype(tensor.dtype).startswith("complex"):
        return tensor, ops.zeros_like(tensor)
    return ops.real(tensor), ops.imag(tensor)


def join_complex(real: Tensor, imag: Tensor) -> Tensor:
    """Return the complex tensor of two float32 or float64 parts."""
    if keras.backend.backend() == "tensorflow":
        import tensorflow as tf

        # Keras adds two casts, and TensorFlow warns when it differentiates a cast to complex.
        return tf.complex(real, imag)
    return ops.view_as_complex(ops.stack([real, imag], -1))


@kerasx.custom_gradient
def _recurrence(decay: Parts, inputs: Parts, state: Parts | None, reverse: bool) -> Any:
    """Compute states of shape `(before, time, after)`; `decay` has the same time, or 1."""
    states = _states(decay, inputs, state, reverse=reverse)

    def gradient(upstream: Parts) -> tuple[Parts | None, ...]:
        return *_slopes(decay, states, state, upstream, reverse=reverse), None

    return states, gradient


@compiled(static=("reverse",))
def _states(decay: Parts, inputs: Parts, state: Parts | None, *, reverse: bool) -> Parts:
    return scan(decay, inputs, _start(decay, state), reverse)


@compiled(static=("reverse",))
def _slopes(
    decay: Parts, states: Parts, state: Parts | None, upstream: Parts, *, reverse: bool
) -> tuple[Parts, Parts, Parts | None]:
    """Compute the gradients of `decay`, `inputs` and `state`."""
    start = _start(decay, state)
    input_slopes = scan(decay, upstream, _start(decay, None), not reverse, adjoint=True)
    wide_slopes = tuple(map(widen, input_slopes))
    before = [delay(*parts, reverse) for parts in zip(states, start, strict=True)]
    decay_slopes = _product(before, wide_slopes, adjoint=True)
    if decay[0].shape[1] == 1:
        decay_slopes = tuple(ops.sum(part, 1, keepdims=True) for part in decay_slopes)
    if state is None:
        return decay_slopes, input_slopes, None
    first = slice(-1, None) if reverse else slice(0, 1)
    first_decay, first_slopes = (
        [widen(part[:, first]) for part in parts] for parts in (decay, wide_slopes)
    )
    state_slopes = _product(first_decay, first_slopes, adjoint=True)
    return decay_slopes, input_slopes, tuple(ops.sum(part, 1) for part in state_slopes)


def _start(decay: Parts, state: Parts | None) -> Parts:
    """Return the state before the first step, zeros by default."""
    if state is None:
        return tuple(ops.zeros_like(part[:, 0], wide_dtype(part.dtype)) for part in decay)
    return tuple(map(widen, state))


def scan(decay: Parts, inputs: Parts, start: Parts, reverse: bool, adjoint: bool = False) -> Parts:
    """Compute `h[t] = decay[t] * h[t-1] + inputs[t]`, in the dtype of `inputs`.

    The adjoint multiplies with the conjugate of the decay of the step before `t`, in its own
    direction, instead of the decay of `t`; its `start` is zero.
    """
    time = ops.shape(inputs[0])[1]
    if device() != "cpu" and isinstance(time, int):
        return _scan_in_parallel(decay, inputs, start, reverse, adjoint)
    if keras.backend.backend() == "torch":
        return _scan_on_torch(decay, inputs, start, reverse, adjoint)
    is_constant = decay[0].shape[1] == 1
    # A TensorFlow graph may know the shape of only some of the arguments, and a loop must begin
    # with the static shape that it ends with. That of sums over no step follows from all arguments.
    start = tuple(
        part + ops.cast(ops.sum(a[:, :0], 1) + ops.sum(x[:, :0], 1), part.dtype)
        for part, a, x in zip(start, decay, inputs, strict=True)
    )

    def decay_step(t: Tensor) -> Tensor:
        if is_constant:
            return 0
        if not adjoint:
            return t
        return ops.minimum(t + 1, time - 1) if reverse else ops.maximum(t - 1, 0)

    def body(i: Tensor, carry: tuple[Parts, Parts]) -> tuple[Parts, Parts]:
        state, states = carry
        t = time - 1 - i if reverse else i
        decay_now = [widen(part[:, decay_step(t)]) for part in decay]
        state = tuple(
            product + widen(part[:, t])
            for product, part in zip(_product(decay_now, state, adjoint), states, strict=True)
        )
        states = tuple(
            put(parts, t, ops.cast(part, parts.dtype), axis=1)
            for parts, part in zip(states, state, strict=True)
        )
        return state, states

    # Overwrite the inputs with the states: one buffer less to touch.
    return ops.fori_loop(0, time, body, (start, tuple(inputs)))[1]


def _scan_on_torch(
    decay: Parts, inputs: Parts, start: Parts, reverse: bool, adjoint: bool
) -> Parts:
    """Compute `scan` in a Python loop, with one operation per step, or four if complex."""
    import torch

    decay, wide_inputs = ([widen(part) for part in parts] for parts in (decay, inputs))
    states = [torch.empty_like(part) for part in wide_inputs]
    a, x, h = ([part.unbind(1) for part in parts] for parts in (decay, wide_inputs, states))
    sign = 1 if adjoint else -1
    steps = range(len(x[0]))
    state, before = start, 0
    for t in reversed(steps) if reverse else steps:
        decay_step = before if adjoint else t
        if len(a[0]) == 1:
            decay_step = 0
        new = [rows[t] for rows in h]
        torch.addcmul(x[0][t], a[0][decay_step], state[0], out=new[0])
        if len(new) == 2:
            new[0].addcmul_(a[1][decay_step], state[1], value=sign)
            torch.addcmul(x[1][t], a[0][decay_step], state[1], out=new[1])
            new[1].addcmul_(a[1][decay_step], state[0], value=-sign)
        state, before = new, t
    return tuple(ops.cast(part, source.dtype) for part, source in zip(states, inputs, strict=True))


def _scan_in_parallel(
    decay: Parts, inputs: Parts, start: Parts, reverse: bool, adjoint: bool
) -> Parts:
    """Compute `scan` in log2(time) passes, each of which doubles the steps that a state sees."""
    time = inputs[0].shape[1]
    a = [ops.broadcast_to(widen(part), ops.shape(inputs[0])) for part in decay]
    h = [widen(part) for part in inputs]
    if reverse:
        a, h = ([ops.flip(part, 1) for part in parts] for parts in (a, h))
    if adjoint:
        a = [ops.concatenate([part[:, :1], part[:, :-1]], 1) for part in a]
        a = [a[0], *(-part for part in a[1:])]
    first = _product([part[:, 0] for part in a], start)
    h = [
        ops.concatenate([(part[:, 0] + term)[:, None], part[:, 1:]], 1)
        for part, term in zip(h, first, strict=True)
    ]
    span = 1
    while span < time:
        late = [part[:, span:] for part in a]
        further = _product(late, [part[:, :-span] for part in h])
        h = [
            ops.concatenate([part[:, :span], part[:, span:] + term], 1)
            for part, term in zip(h, further, strict=True)
        ]
        longer = _product(late, [part[:, :-span] for part in a])
        a = [
            ops.concatenate([part[:, :span], term], 1) for part, term in zip(a, longer, strict=True)
        ]
        span *= 2
    if reverse:
        h = [ops.flip(part, 1) for part in h]
    return tuple(ops.cast(part, source.dtype) for part, source in zip(h, inputs, strict=True))


def _product(a: Parts, b: Parts, adjoint: bool = False) -> Parts:
    """Compute `a * b`, or `conj(a) * b` for the adjoint."""
    if len(a) == 1:
        return (a[0] * b[0],)
    if adjoint:
        return a[0] * b[0] + a[1] * b[1], a[0] * b[1] - a[1] * b[0]
    return a[0] * b[0] - a[1] * b[1], a[0] * b[1] + a[1] * b[0]


def delay(states: Tensor, start: Tensor, reverse: bool) -> Tensor:
    """Return the state before each step."""
    states, start = widen(states), start[:, None]
    if reverse:
        return ops.concatenate([states, start], 1)[:, 1:]
    return ops.concatenate([start, states], 1)[:, :-1]


def _check(
    decay: Tensor, inputs: Tensor, initial_state: Tensor | None, axis: int
) -> tuple[int, str]:
    """Check the arguments; return the axis, counted from the front, and the result's dtype."""
    tensors = {"decay": decay, "inputs": inputs}
    if initial_state is not None:
        tensors["initial_state"] = initial_state
    for name, tensor in tensors.items():
        dtype = keras.backend.standardize_dtype(tensor.dtype)
        if not (keras.backend.is_float_dtype(dtype) or dtype.startswith("complex")):
            raise TypeError(
                f"linear_recurrence: {name} must be floating or complex; received {dtype} of shape "
                f"{tuple(tensor.shape)}"
            )
    shape = tuple(inputs.shape)
    if not is_integer(axis, -len(shape)) or axis >= len(shape):
        raise ValueError(
            f"linear_recurrence: axis must be an axis of inputs, of shape {shape}; received "
            f"{axis!r}"
        )
    axis %= len(shape)
    if not _broadcasts(tuple(decay.shape), shape):
        raise ValueError(
            "linear_recurrence: decay must broadcast to the shape of inputs, here "
            f"{shape}; received shape {tuple(decay.shape)}"
        )
    rest = (*shape[:axis], *shape[axis + 1 :])
    if initial_state is not None:
        description = f"{rest}, that of inputs without axis {axis}"
        check_shape("linear_recurrence", "initial_state", initial_state.shape, rest, description)
    return axis, keras.backend.result_type(*(tensor.dtype for tensor in tensors.values()))


def _broadcasts(shape: tuple, target: tuple) -> bool:
    """Return whether a shape broadcasts to another; `None` is any size."""
    sizes = zip(reversed(shape), reversed(target), strict=False)
    return len(shape) <= len(target) and all(a in (1, None, b) or b is None for a, b in sizes)
