"""Buckets: lengths rounded up, so that many lengths need only a few compilations.

XLA compiles once per shape. Outside compiled code, each argument with a bucketed dimension is
padded up to its bucket and the results are cut back, by the names in the kernel's shapes. In a
TensorFlow graph that was traced for any length, this happens while the graph runs.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from typing import Any

import keras

from kerasx.compiler import backends, choice
from kerasx.compiler.program import Compiled
from kerasx.compiler.shapes import Form, Shapes, Sizes

POWER_OF_TWO = "power_of_two"
EXACT_SHAPES = 8  # of a kernel with a `Rounding`, before further ones are rounded up


def round_up(size: Any, rule: str | int) -> Any:
    """Round a size up to its bucket: the next power of two, or the next multiple of a number.

    >>> [round_up(size, "power_of_two") for size in (0, 1, 3, 8, 9)], round_up(9, 8)
    ([0, 1, 4, 8, 16], 16)
    """
    if isinstance(rule, int):
        return -(-size // rule) * rule
    if isinstance(size, int):
        return 1 << (size - 1).bit_length() if size else 0
    powers = keras.ops.convert_to_tensor([1 << bit for bit in range(31)], size.dtype)
    return keras.ops.min(keras.ops.where(powers >= size, powers, powers[-1]))


class Buckets:
    """The dimensions of a kernel that are rounded up, and the values to pad arguments with."""

    def __init__(self, shapes: Shapes, rules: Mapping[str, str | int], pad: Mapping[str, Any]):
        self.shapes, self.rules, self.pad = shapes, dict(rules), dict(pad)
        where = f"kernel {shapes.kernel!r}: "
        unknown = set(rules) - shapes.dimensions
        if unknown:
            raise ValueError(
                f"{where}`bucket` names {sorted(unknown)}; the dimensions of its shapes are "
                f"{sorted(shapes.dimensions)}"
            )
        for dim, rule in rules.items():
            if rule != POWER_OF_TWO and not (type(rule) is int and rule > 0):
                raise ValueError(
                    f"{where}the bucket of {dim} must be {POWER_OF_TWO!r} or a positive multiple; "
                    f"received {rule!r}"
                )
        idle = [name for name in pad if not self._has_bucket(name)]
        if idle:
            raise ValueError(
                f"{where}`pad` names {idle}, which have no shape with one of {list(rules)}"
            )
        if shapes.returns is None:
            raise ValueError(f"{where}with `bucket`, give `returns`: results are cut back by it")
        self.plan = functools.lru_cache(maxsize=4096)(self._plan)

    def _has_bucket(self, name: str) -> bool:
        return any(set(self.rules) & set(form.dims) for form in self.shapes.forms.get(name, ()))

    def find_sizes(self, tensors: dict[str, Any], sizes: Sizes) -> Sizes | None:
        """Return sizes as tensors, for a graph; None if those with a bucket are known already."""
        known: dict[str, Any] = {}
        shapes = {name: keras.ops.shape(tensors[name]) for name in sizes.forms}
        for name, form in sizes.forms.items():
            for dim, size in form.pairs(shapes[name]) or ():
                if isinstance(dim, str):
                    known[dim] = size if isinstance(size, int) else known.get(dim, size)
        in_graph = Sizes(known, sizes.forms, shapes)
        return None if self._are_known(in_graph) else in_graph

    def _are_known(self, sizes: Sizes) -> bool:
        return all(isinstance(sizes.known.get(dim, 0), int) for dim in self.rules)

    def pad_all(self, tensors: dict[str, Any], sizes: Sizes) -> dict[str, Any]:
        """Pad the arguments. One that `pad` names and that is None is filled with ones first."""
        result = dict(tensors)
        plan = (
            self.plan if self._are_known(sizes) else self._plan
        )  # a cache would keep the graph alive
        for name, (shape, widths, value) in plan(sizes).items():
            tensor = tensors.get(name)
            if tensor is None:
                dtype = "bool" if self.shapes.forms[name][0].dtype == "bool" else None
                tensor = keras.ops.ones(shape, dtype or keras.config.floatx())
            if any(not _is(after, 0) for _, after in widths):
                value = keras.ops.cast(value, tensor.dtype)
                tensor = keras.ops.pad(tensor, widths, constant_values=value)
            result[name] = tensor
        return result

    def cut(self, outputs: Any, sizes: Sizes) -> Any:
        """Cut the padding off the results."""

        def of(form: Form, output: Any) -> Any:
            longer = self.rules.keys() & sizes.known.keys() & set(form.dims)
            if all(_is(sizes.known[dim], self._bucket(dim, sizes)) for dim in longer):
                return output
            return output[
                tuple(
                    Ellipsis if dim == "..." else slice(sizes.known[dim] if dim in longer else None)
                    for dim in form.dims
                )
            ]

        return keras.tree.map_structure(of, self.shapes.returns, outputs)

    def _bucket(self, dim: str, sizes: Sizes) -> Any:
        return round_up(sizes.known[dim], self.rules[dim])

    def _plan(self, sizes: Sizes) -> dict[str, tuple[tuple, list[tuple[int, Any]], Any]]:
        """Return argument -> its shape, the padding before and after each axis, and its value."""
        plan = {}
        for name, forms in self.shapes.forms.items():
            form = sizes.forms.get(name)
            if form is None:
                if name not in self.pad:
                    continue
                form = forms[0]
                shape = tuple(self._shape(form, sizes))
            else:
                shape = sizes.shapes[name]
            widths: list[tuple[int, Any]] = [(0, 0)] * len(shape)
            for dim, axis in form.axes(len(shape)):
                if dim in self.rules:
                    widths[axis] = (0, self._bucket(dim, sizes) - shape[axis])
            if name in self.pad or any(not _is(after, 0) for _, after in widths):
                plan[name] = (shape, widths, self.pad.get(name, 0))
        return plan

    def _shape(self, form: Form, sizes: Sizes) -> list[Any]:
        shape: list[Any] = []
        for dim in form.dims:
            size = dim if isinstance(dim, int) else sizes.known[dim]
            shape += size if isinstance(size, tuple) else (size,)
        return shape


class Rounding:
    """Rounding of a size that no dimension names, such as that of an axis which is an argument.

    One TensorFlow graph for all sizes pads, runs the program of the bucket, and cuts the result.
    That takes two to three times as long as a small kernel, and padding outside of a graph longer
    still. So the first shapes get programs of their own: most users have one.
    """

    def __init__(
        self,
        missing: Callable[..., Any],
        pad: Callable[..., Any],
        region: Callable[[], Compiled],
    ):
        self._missing, self._pad, self._region = missing, pad, region
        self._exact: set[Any] = set()

    def applies(self, tensors: dict[str, Any], static: dict[str, Any]) -> bool:
        """Return whether this call, of a program of its own, is to be rounded up."""
        if (
            keras.backend.backend() != "tensorflow"
            or backends.is_traced(tensors)
            or not choice.decide(self._region().__name__)[0]
            or not self._missing(**tensors, **static)
        ):
            return False
        shapes = tuple([tensor.shape for tensor in tensors.values() if tensor is not None])
        if shapes not in self._exact and len(self._exact) < EXACT_SHAPES:
            self._exact.add(shapes)
        return shapes not in self._exact

    def run(self, tensors: dict[str, Any], static: dict[str, Any]) -> Any:
        """Call the region on padded arguments, and cut the result."""
        # TensorFlow lets a graph serve several ranks, which then knows none of them.
        ranks = tuple([len(tensor.shape) for tensor in tensors.values() if tensor is not None])
        return self._graph(ranks=ranks, **tensors, **static)

    @functools.cached_property
    def _graph(self) -> Callable[..., Any]:
        region = self._region()

        def run(ranks: tuple[int, ...], **arguments: Any) -> Any:
            padded, cut = self._pad(**arguments)
            return cut(region.as_part()(**arguments | padded))

        return backends.as_graph(run, (*region.static, "ranks"), reduce_retracing=True)

    def clear(self) -> None:
        """Forget the shapes and the graph."""
        self._exact.clear()
        vars(self).pop("_graph", None)


def _is(size: Any, number: int) -> bool:
    """Return whether a size is known and is that number."""
    return isinstance(size, int) and isinstance(number, int) and size == number
