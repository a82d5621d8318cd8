"""The linear recurrence h[t] = a[t] * h[t-1] + x[t], which gates, filters and state spaces share.

Its gradient is a recurrence of the same form in the other direction, so one loop serves both. It
reads each value once and keeps the states, which are the result, and nothing else. On a CPU one
loop over time is the fastest: a step of a few thousand values takes longer to read than to start.
On a GPU, which would wait for each step, it is a scan in logarithmically many passes.

A complex number is a pair of real tensors here: backends disagree about complex gradients.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import keras
from keras import ops

import kerasx
from kerasx.compiler import compiled, device

Tensor = Any
Parts = Sequence[Tensor]  # a real tensor, or real and imaginary part


def plain_linear_recurrence(
    decay: Tensor,
    inputs: Tensor,
    *,
    initial_state: Tensor | None = None,
    reverse: bool = False,
    axis: int = 1,
) -> Tensor:
    """The reference: the definition, step by step."""
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
    """`h[t] = decay[t] * h[t-1] + inputs[t]` along an axis, for all `t` at once.

    It is what the gates of minimal recurrent networks (Feng et al. 2024, arXiv:2410.01201),
    diagonal state spaces (Orvieto et al. 2023, arXiv:2303.06349) and moving averages compute. The
    gradient is the same recurrence in the other direction, `g[t] = upstream[t] + conj(decay[t+1]) *
    g[t+1]`: `g[t]` is that of `inputs[t]`, and `g[t] * conj(h[t-1])` that of `decay[t]`. Time and
    memory are linear in the length, and the only thing kept for it is the result.

    States are computed in float32 or wider and returned in the dtype of the arguments. Gradients
    flow to `decay`, `inputs` and `initial_state`, once: a second derivative is not defined. A GPU
    multiplies decays over spans of time: where they exceed 1 for so long that the products
    overflow, results are not finite there.

    Args:
        decay: floating or complex tensor of the shape of `inputs`, or one that broadcasts to it,
            such as `(units,)`: where its axis of time has size 1, it is read once.
        inputs: floating or complex tensor of any shape with the axis of time.
        initial_state: `h[-1]`, or `h[time]` where `reverse`: a tensor of the shape of `inputs`
            without the axis; zeros by default.
        reverse: whether time runs backward: `h[t] = decay[t] * h[t+1] + inputs[t]`.
        axis: the axis of time.

    Returns:
        `h`, of the shape of `inputs`.

    Raises:
        TypeError: an argument is neither floating nor complex.
        ValueError: shapes do not fit.

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
    before, after = math.prod(shape[:axis]), math.prod(shape[axis + 1 :])
    is_complex = dtype.startswith("complex")

    def parts(tensor: Tensor | None, *sizes: Any) -> Parts | None:
        if tensor is None:
            return None
        tensor = ops.cast(tensor, dtype)
        found = (ops.real(tensor), ops.imag(tensor)) if is_complex else (tensor,)
        return tuple(ops.reshape(part, sizes) for part in found)

    missing = len(shape) - len(decay.shape)
    times = 1 if axis < missing or decay.shape[axis - missing] == 1 else shape[axis]
    decay = ops.broadcast_to(decay, (*shape[:axis], times, *shape[axis + 1 :]))
    states = _recurrence(
        parts(decay, before, times, after),
        parts(inputs, before, shape[axis], after),
        parts(initial_state, before, after),
        bool(reverse),
    )
    states = ops.view_as_complex(ops.stack(states, -1)) if is_complex else states[0]
    return ops.reshape(states, shape)


@kerasx.custom_gradient
def _recurrence(decay: Parts, inputs: Parts, state: Parts | None, reverse: bool) -> Any:
    """The states of `(before, time, after)`; the time of `decay` is that of `inputs`, or 1."""
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
    """The gradients of `decay`, of `inputs` and of `state`."""
    start = _start(decay, state)
    of_inputs = scan(decay, upstream, _start(decay, None), not reverse, adjoint=True)
    slopes = tuple(map(widened, of_inputs))
    earlier = [delayed(*each, reverse) for each in zip(states, start, strict=True)]
    of_decay = _product(earlier, slopes, adjoint=True)
    if decay[0].shape[1] == 1:
        of_decay = tuple(ops.sum(part, 1, keepdims=True) for part in of_decay)
    if state is None:
        return of_decay, of_inputs, None
    first = slice(-1, None) if reverse else slice(0, 1)
    at_first = ([widened(part[:, first]) for part in each] for each in (decay, slopes))
    of_state = tuple(ops.sum(part, 1) for part in _product(*at_first, adjoint=True))
    return of_decay, of_inputs, of_state


def _start(decay: Parts, state: Parts | None) -> Parts:
    """The state before the first step, zeros by default."""
    if state is None:
        return tuple(ops.zeros_like(part[:, 0], _wide(part)) for part in decay)
    return tuple(map(widened, state))


def scan(decay: Parts, inputs: Parts, start: Parts, reverse: bool, adjoint: bool = False) -> Parts:
    """`h[t] = decay[t] * h[t-1] + inputs[t]`, in the dtype of `inputs`.

    The adjoint multiplies with the conjugate of the decay of the step before `t`, in its direction,
    in place of that of `t`; its `start` is zero.
    """
    time = ops.shape(inputs[0])[1]
    if device() != "cpu" and isinstance(time, int):
        return _scan_in_parallel(decay, inputs, start, reverse, adjoint)
    if keras.backend.backend() == "torch":
        return _scan_of_torch(decay, inputs, start, reverse, adjoint)
    constant = decay[0].shape[1] == 1

    def place(t: Tensor) -> Tensor:
        if constant:
            return 0
        if not adjoint:
            return t
        return ops.minimum(t + 1, time - 1) if reverse else ops.maximum(t - 1, 0)

    def body(i: Tensor, carry: tuple[Parts, Parts]) -> tuple[Parts, Parts]:
        state, states = carry
        t = time - 1 - i if reverse else i
        here = [widened(part[:, place(t)]) for part in decay]
        state = tuple(
            product + widened(part[:, t])
            for product, part in zip(_product(here, state, adjoint), states, strict=True)
        )
        states = tuple(
            ops.slice_update(whole, (0, t, 0), ops.cast(part, whole.dtype)[:, None])
            for whole, part in zip(states, state, strict=True)
        )
        return state, states

    # States take the place of the inputs, which is less to read than a place of their own.
    return ops.fori_loop(0, time, body, (start, tuple(inputs)))[1]


def _scan_of_torch(
    decay: Parts, inputs: Parts, start: Parts, reverse: bool, adjoint: bool
) -> Parts:
    """The same in steps of Python, each of one operation, or four if complex."""
    import torch

    decay, wide = ([widened(part) for part in each] for each in (decay, inputs))
    whole = [torch.empty_like(part) for part in wide]
    a, x, h = ([part.unbind(1) for part in each] for each in (decay, wide, whole))
    sign = 1 if adjoint else -1
    order = range(len(x[0]))
    state, before = start, 0
    for t in reversed(order) if reverse else order:
        of = 0 if len(a[0]) == 1 else before if adjoint else t
        new = [rows[t] for rows in h]
        torch.addcmul(x[0][t], a[0][of], state[0], out=new[0])
        if len(new) == 2:
            new[0].addcmul_(a[1][of], state[1], value=sign)
            torch.addcmul(x[1][t], a[0][of], state[1], out=new[1])
            new[1].addcmul_(a[1][of], state[0], value=-sign)
        state, before = new, t
    return tuple(ops.cast(part, given.dtype) for part, given in zip(whole, inputs, strict=True))


def _scan_in_parallel(
    decay: Parts, inputs: Parts, start: Parts, reverse: bool, adjoint: bool
) -> Parts:
    """The same in log2(time) passes, each of which doubles the steps that a state has seen."""
    time = inputs[0].shape[1]
    a = [ops.broadcast_to(widened(part), ops.shape(inputs[0])) for part in decay]
    h = [widened(part) for part in inputs]
    if reverse:
        a, h = ([ops.flip(part, 1) for part in each] for each in (a, h))
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
    return tuple(ops.cast(part, given.dtype) for part, given in zip(h, inputs, strict=True))


def _product(a: Parts, b: Parts, adjoint: bool = False) -> Parts:
    """`a * b`, or `conj(a) * b`."""
    if len(a) == 1:
        return (a[0] * b[0],)
    if adjoint:
        return a[0] * b[0] + a[1] * b[1], a[0] * b[1] - a[1] * b[0]
    return a[0] * b[0] - a[1] * b[1], a[0] * b[1] + a[1] * b[0]


def delayed(states: Tensor, start: Tensor, reverse: bool) -> Tensor:
    """The state before each step."""
    states, start = widened(states), start[:, None]
    if reverse:
        return ops.concatenate([states, start], 1)[:, 1:]
    return ops.concatenate([start, states], 1)[:, :-1]


def _wide(part: Tensor) -> str:
    return keras.backend.result_type(part.dtype, "float32")


def widened(part: Tensor) -> Tensor:
    """A floating tensor in float32 or wider."""
    return ops.cast(part, _wide(part))


def _check(
    decay: Tensor, inputs: Tensor, initial_state: Tensor | None, axis: int
) -> tuple[int, str]:
    """The axis, counted from the front, and the dtype of the result."""
    given = {"decay": decay, "inputs": inputs, "initial_state": initial_state}
    given = {name: tensor for name, tensor in given.items() if tensor is not None}
    for name, tensor in given.items():
        dtype = keras.backend.standardize_dtype(tensor.dtype)
        if not (keras.backend.is_float_dtype(dtype) or dtype.startswith("complex")):
            raise TypeError(
                f"linear_recurrence: {name} must be floating or complex; received {dtype} of shape "
                f"{tuple(tensor.shape)}"
            )
    shape = tuple(inputs.shape)
    if isinstance(axis, bool) or not isinstance(axis, int) or not -len(shape) <= axis < len(shape):
        raise ValueError(
            f"linear_recurrence: axis must be an axis of inputs, of shape {shape}; received "
            f"{axis!r}"
        )
    axis %= len(shape)
    pairs = zip(reversed(decay.shape), reversed(shape), strict=False)
    if len(decay.shape) > len(shape) or not all(a in (1, None, b) or b is None for a, b in pairs):
        raise ValueError(
            "linear_recurrence: decay must broadcast to the shape of inputs, here "
            f"{shape}; received shape {tuple(decay.shape)}"
        )
    rest = (*shape[:axis], *shape[axis + 1 :])
    if initial_state is not None and not (
        len(initial_state.shape) == len(rest)
        and all(
            a is None or b is None or a == b for a, b in zip(initial_state.shape, rest, strict=True)
        )
    ):
        raise ValueError(
            f"linear_recurrence: initial_state must have shape {rest}, that of inputs without "
            f"axis {axis}; received {tuple(initial_state.shape)}"
        )
    return axis, keras.backend.result_type(*(tensor.dtype for tensor in given.values()))
