"""Check, layer by layer and on random inputs, that a model gives the same outputs in steps.

`generate` runs a model position by position, with a cache. That gives what the whole sequence would
give if each layer caches what it reads of other positions, or reads nothing of them, and if none
counts positions from the beginning of a call.
"""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
from keras import ops

from kerasx.compiler import compiled
from kerasx_transformer.cache import CacheScope

Tensor = Any
TIME = 3  # positions: two in the first call, then one with the cache of these
NOISE = 0.1  # added to weights: zeros at the start of training would hide what they scale


class StepsDifferError(ValueError):
    """A layer gives other outputs in steps than for all positions at once."""


def check_stepwise(model: keras.Model) -> Any:
    """Raise unless a model gives the same outputs in steps, with a cache, as all at once.

    Args:
        model: a model of tokens `(batch, time)`.

    Returns:
        Its outputs for some tokens.

    Raises:
        ValueError: the outputs differ; the message names the innermost layer at fault.
    """
    shapes = [tuple(tensor.shape) for tensor in getattr(model, "inputs", None) or ()]
    if shapes not in ([], [(None, None)]):
        raise ValueError(
            "generate: model must take tokens (batch, time) of any length, keras.Input((None,)); "
            f"received a model that takes {shapes}"
        )
    tokens = np.array([[1, 0, 1], [1, 1, 0]], "int32")
    outputs, problem = _try_out(model, (tokens,), {})
    if problem:
        _refuse(model, (tokens,), {}, problem)
    return outputs


def _refuse(layer: Any, args: tuple, kwargs: dict[str, Any], problem: Exception) -> None:
    """Raise for the innermost layer that has a problem."""
    if isinstance(layer, keras.Model) and getattr(layer, "inputs", None):
        culprits: list[tuple] = []

        def visit(inner: Any, *args: Any, **kwargs: Any) -> Any:
            random = np.random.default_rng(0)
            drawn = keras.tree.map_structure(lambda leaf: _drawn(leaf, random), (args, kwargs))
            if not culprits and (problem := _try_out(inner, *drawn)[1]):
                culprits.append((inner, *drawn, problem))
            return inner(*args, **kwargs)

        graph = keras.Model(layer.inputs, layer.outputs)
        keras.models.clone_model(graph, clone_function=lambda inner: inner, call_function=visit)
        if culprits:
            _refuse(*culprits[0])
        if isinstance(problem, StepsDifferError):
            return  # each layer gives the same in steps, and so does their composition
    raise ValueError(
        f"generate: layer {layer.name!r} ({type(layer).__name__}) of the model cannot run in steps "
        f"with a cache: {problem}"
    ) from problem


def _try_out(layer: Any, args: tuple, kwargs: dict[str, Any]) -> tuple[Any, Exception | None]:
    """Call a layer at once and in steps.

    Returns:
        Its outputs for all positions at once, and why it does not give the same in steps, or None.
    """
    if not getattr(layer, "built", True):
        layer(*args, **kwargs)
    variables = list(getattr(layer, "variables", ()))
    weights = _with_noise(layer, variables)
    leaves = keras.tree.flatten((args, kwargs))
    places = [place for place, leaf in enumerate(leaves) if isinstance(leaf, np.ndarray)]

    def call(arrays: list[Tensor], weights: list[Tensor]) -> Any:
        replaced = list(leaves)
        for place, array in zip(places, arrays, strict=True):
            replaced[place] = array
        by_position, by_name = keras.tree.pack_sequence_as((args, kwargs), replaced)
        state = list(zip(variables, weights, strict=True))
        with keras.StatelessScope(state_mapping=state):
            return layer(*by_position, **by_name)

    def all_ways(arrays: list[Tensor], weights: list[Tensor]) -> tuple[Any, Any, Any]:
        at_once = call(arrays, weights)
        with CacheScope(TIME) as cache:
            first = call([array[:, :-1] for array in arrays], weights)
        with CacheScope(TIME, cache.values, TIME - 1):
            last = call([array[:, -1:] for array in arrays], weights)
        return at_once, first, last

    arrays = [ops.convert_to_tensor(leaves[place]) for place in places]
    # JAX would compile each of the operations by itself.
    run = compiled(all_ways) if keras.backend.backend() == "jax" else all_ways
    try:
        at_once, first, last = run(arrays, weights)
    except Exception as error:  # a layer may raise anything
        return None, error
    is_half = getattr(layer, "compute_dtype", "float32") in ("float16", "bfloat16")
    tolerance = 0.05 if is_half else 1e-3
    for outputs in zip(*map(keras.tree.flatten, (at_once, first, last)), strict=True):
        problem = _difference(*map(_as_array, outputs), tolerance=tolerance)
        if problem:
            return at_once, problem
    return at_once, None


def _with_noise(layer: Any, variables: list[Any]) -> list[Tensor]:
    """Return the values of variables, with noise added to those that training changes."""
    random = np.random.default_rng(1)
    trainable = {id(variable) for variable in getattr(layer, "trainable_variables", ())}
    weights = []
    for variable in variables:
        value = ops.convert_to_numpy(variable)
        if id(variable) in trainable:
            value = value + NOISE * random.standard_normal(value.shape)
        weights.append(ops.convert_to_tensor(value, variable.dtype))
    return weights


def _difference(
    at_once: np.ndarray, first: np.ndarray, last: np.ndarray, *, tolerance: float
) -> Exception | None:
    """Return what is wrong with an output in steps compared with that at once, or None."""
    if first.ndim < 2 or last.ndim < 2:
        return ValueError("its output has no axis of time")
    in_steps = np.concatenate([first, last], axis=1)
    if in_steps.shape != at_once.shape:
        return ValueError("its output does not have one position for each of its input")
    in_steps, at_once = in_steps.astype("float64"), at_once.astype("float64")
    error = np.abs(in_steps - at_once).max()
    if not error <= tolerance * max(np.abs(at_once).max(), 1e-6):
        return StepsDifferError(
            "its output at a position depends on other positions, or on which position it is, and "
            "it keeps no cache"
        )
    return None


def _as_array(tensor: Tensor) -> np.ndarray:
    return np.asarray(ops.convert_to_numpy(tensor))


def _drawn(value: Any, random: np.random.Generator) -> Any:
    """Draw numbers for a symbolic tensor; return anything else unchanged."""
    if not isinstance(value, keras.KerasTensor):
        return value
    shape = [2, *(TIME if size is None else size for size in value.shape[1:])]
    if "int" in value.dtype or value.dtype == "bool":
        return random.integers(0, 2, shape).astype(value.dtype)
    return random.standard_normal(shape).astype(value.dtype)
