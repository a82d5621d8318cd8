"""Whether a model can run in steps: tried out, layer by layer, on random numbers."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
from keras import ops

from kerasx.compiler import compiled
from kerasx_transformer.cache import CacheScope

Tensor = Any
TIME = 3  # two positions at once, then one with the cache of these
NOISE = 0.1  # added to weights: zeros at the beginning of training would hide what they scale


class Differs(ValueError):
    """A layer gives in steps what differs from what it gives at once."""


def refuse_unless_stepwise(model: keras.Model) -> Tensor:
    """Raise unless a model gives in steps, with a cache, what it gives at once.

    That holds where each layer keeps a cache of what it takes from other positions, or takes
    nothing from them, and where none counts positions from the beginning of a call.

    Args:
        model: a model of tokens `(batch, time)`.

    Returns:
        What it gives for some tokens.

    Raises:
        ValueError: it does not hold; the message names the innermost layer at fault.
    """
    shapes = [tuple(each.shape) for each in getattr(model, "inputs", None) or ()]
    if shapes not in ([], [(None, None)]):
        raise ValueError(
            "model must take tokens (batch, time) of any length, keras.Input((None,)); this one "
            f"takes {shapes}"
        )
    tokens = np.array([[1, 0, 1], [1, 1, 0]], "int32")
    whole, problem = _problem(model, (tokens,), {})
    if problem:
        _refuse(model, (tokens,), {}, problem)
    return whole


def _refuse(layer: Any, args: tuple, kwargs: dict[str, Any], problem: Exception) -> None:
    """Raise of the innermost layer that has a problem."""
    if isinstance(layer, keras.Model) and getattr(layer, "inputs", None):
        found = []

        def visit(inner: Any, *args: Any, **kwargs: Any) -> Any:
            random = np.random.default_rng(0)
            given = keras.tree.map_structure(lambda each: _drawn(each, random), (args, kwargs))
            if not found and (problem := _problem(inner, *given)[1]):
                found.append((inner, *given, problem))
            return inner(*args, **kwargs)

        graph = keras.Model(layer.inputs, layer.outputs)
        keras.models.clone_model(graph, clone_function=lambda each: each, call_function=visit)
        if found:
            _refuse(*found[0])
        if isinstance(problem, Differs):
            return  # each layer gives the same in steps, and so does their composition
    raise ValueError(
        f"generate: layer {layer.name!r} ({type(layer).__name__}) of the model cannot run in steps "
        f"with a cache: {problem}"
    ) from problem


def _problem(layer: Any, args: tuple, kwargs: dict[str, Any]) -> tuple[Any, Exception | None]:
    """What a layer gives at once, and why it does not give the same in steps, if so."""
    if not getattr(layer, "built", True):
        layer(*args, **kwargs)
    random = np.random.default_rng(1)
    variables = list(getattr(layer, "variables", ()))
    learns = {id(each) for each in getattr(layer, "trainable_variables", ())}
    weights = []
    for each in variables:
        value = ops.convert_to_numpy(each)
        if id(each) in learns:
            value = value + NOISE * random.standard_normal(value.shape)
        weights.append(ops.convert_to_tensor(value, each.dtype))
    tensors = keras.tree.flatten((args, kwargs))
    places = [place for place, each in enumerate(tensors) if isinstance(each, np.ndarray)]

    def call(arrays: list[Tensor], weights: list[Tensor]) -> Any:
        leaves = list(tensors)
        for place, array in zip(places, arrays, strict=True):
            leaves[place] = array
        by_position, by_name = keras.tree.pack_sequence_as((args, kwargs), leaves)
        state = list(zip(variables, weights, strict=True))
        with keras.StatelessScope(state_mapping=state):
            return layer(*by_position, **by_name)

    def both(arrays: list[Tensor], weights: list[Tensor]) -> tuple[Any, Any, Any]:
        whole = call(arrays, weights)
        with CacheScope(TIME) as cache:
            first = call([each[:, :-1] for each in arrays], weights)
        with CacheScope(TIME, cache.values, TIME - 1):
            last = call([each[:, -1:] for each in arrays], weights)
        return whole, first, last

    arrays = [ops.convert_to_tensor(tensors[place]) for place in places]
    # JAX would compile each operation of it by itself.
    run = compiled(both) if keras.backend.backend() == "jax" else both
    try:
        whole, *parts = run(arrays, weights)
    except Exception as error:  # of any kind that a layer raises
        return None, error
    half = getattr(layer, "compute_dtype", "float32") in ("float16", "bfloat16")
    tolerance = 0.05 if half else 1e-3
    for at_once, *steps in zip(*map(keras.tree.flatten, (whole, *parts)), strict=True):
        at_once, *steps = (np.asarray(ops.convert_to_numpy(each)) for each in (at_once, *steps))
        if any(each.ndim < 2 for each in steps):
            return whole, ValueError("its result has no axis of time")
        found = np.concatenate(steps, axis=1)
        if found.shape != at_once.shape:
            return whole, ValueError("its result has not one position for each of its input")
        found, at_once = found.astype("float64"), at_once.astype("float64")
        error = np.abs(found - at_once).max()
        if not error <= tolerance * max(np.abs(at_once).max(), 1e-6):
            return whole, Differs(
                "its result for a position depends on other positions, or on which position it is, "
                "and it keeps no cache"
            )
    return whole, None


def _drawn(value: Any, random: np.random.Generator) -> Any:
    """Numbers for a symbolic tensor; anything else as it is."""
    if not isinstance(value, keras.KerasTensor):
        return value
    shape = [2, *(TIME if size is None else size for size in value.shape[1:])]
    if "int" in value.dtype or value.dtype == "bool":
        return random.integers(0, 2, shape).astype(value.dtype)
    return random.standard_normal(shape).astype(value.dtype)
