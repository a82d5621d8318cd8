"""The shapes and dtypes of a kernel's arguments: one line each, checked before tracing.

A line is an optional dtype word (`float`, the default, `int`, `bool` or `any`) and the dimensions:
names, which stand for the same size in all arguments, numbers, and at most one `...`, which stands
for any dimensions, the same in all arguments. ` | ` separates alternatives::

    {"features": "... d", "weight": "d vocabulary", "labels": "int ...",
     "mask": "bool batch length | bool batch 1 length length"}
"""

from __future__ import annotations

import functools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import keras

REST = "..."
DTYPES = {
    "float": keras.backend.is_float_dtype,
    "int": keras.backend.is_int_dtype,
    "bool": lambda dtype: dtype == "bool",
    "any": lambda dtype: True,
}
Shape = tuple[int | None, ...]


@dataclass(frozen=True)
class Form:
    """One form of an argument: a dtype word, and dimensions as names, numbers, and `...`."""

    dtype: str
    dims: tuple[str | int, ...]

    @classmethod
    def read(cls, line: str) -> Form:
        words = line.split()
        dtype = words.pop(0) if words and words[0] in DTYPES else "float"
        if words.count(REST) > 1 or not all(
            word == REST or word.isdigit() or word.isidentifier() for word in words
        ):
            raise ValueError(
                f"{line!r} is not a valid argument shape: expected an optional dtype word of "
                f"{list(DTYPES)}, names of dimensions, numbers, and at most one '...'"
            )
        return cls(dtype, tuple(int(word) if word.isdigit() else word for word in words))

    def __str__(self) -> str:
        return shown(self.dims)

    def axes(self, rank: int) -> list[tuple[str, int]]:
        """Return each dimension's name with its axis, in a tensor of that rank."""
        before = self.dims.index(REST) if REST in self.dims else rank
        beyond = rank - len(self.dims)
        return [
            (dim, axis if axis < before else axis + beyond)
            for axis, dim in enumerate(self.dims)
            if isinstance(dim, str) and dim != REST
        ]

    def pairs(self, shape: Shape) -> list[tuple[str | int, Any]] | None:
        """Pair each dimension with its size, `...` with several; None if the rank differs."""
        if REST not in self.dims:
            return (
                list(zip(self.dims, shape, strict=True)) if len(shape) == len(self.dims) else None
            )
        if len(shape) < len(self.dims) - 1:
            return None
        before = self.dims.index(REST)
        behind = len(shape) - (len(self.dims) - before - 1)
        sizes = (*shape[:before], shape[before:behind], *shape[behind:])
        return list(zip(self.dims, sizes, strict=True))


@dataclass(frozen=True, eq=False)
class Sizes:
    """The sizes that the arguments of one call have fixed.

    Attributes:
        known: dimension -> size; `...` -> a tuple of sizes, of which some may be None.
        forms: argument -> the form that fits it, of arguments that are given.
        shapes: argument -> its shape, likewise.
        origin: dimension -> the argument that fixed it.
    """

    known: dict[str, Any] = field(default_factory=dict)
    forms: dict[str, Form] = field(default_factory=dict)
    shapes: dict[str, Shape] = field(default_factory=dict)
    origin: dict[str, str] = field(default_factory=dict)

    def clash(self, pairs: Sequence[tuple[str | int, Any]]) -> str | None:
        """Return why sizes contradict the known ones, or None."""
        here: dict[str, Any] = {}
        for dim, size in pairs:
            if isinstance(dim, int):
                if size not in (dim, None):
                    return f"{size} is not {dim}"
                continue
            if not _agree(here.setdefault(dim, size), size):
                return f"{dim} is {here[dim]} and {size} in it"
            if not _agree(self.known.get(dim), size):
                other = self.origin[dim]
                what = "what `...` stands for" if dim == REST else dim
                return (
                    f"{what} is {size} in it, but {self.known[dim]} in `{other}` of shape "
                    f"{self.shapes[other]}"
                )
        return None

    def add(self, name: str, form: Form, shape: Shape) -> None:
        self.forms[name], self.shapes[name] = form, shape
        for dim, size in form.pairs(shape) or ():
            if isinstance(dim, str) and size is not None:
                if dim not in self.known:
                    self.origin[dim] = name
                self.known[dim] = _merged(self.known.get(dim), size)

    def format_known(self, form: Form) -> str:
        """Format a form with the known sizes filled in, such as `(256, vocabulary)`."""
        return shown(
            [self.known.get(dim, dim) if isinstance(dim, str) else dim for dim in form.dims]
        )


class Shapes:
    """The shapes of a kernel's arguments and results."""

    def __init__(self, kernel: str, arguments: Mapping[str, str], returns: Any = None):
        self.kernel = kernel
        self.arguments = dict(arguments)
        self.returned = returns
        self.forms = {
            name: tuple(Form.read(form) for form in line.split("|"))
            for name, line in arguments.items()
        }
        self.returns = None if returns is None else keras.tree.map_structure(Form.read, returns)
        self.sizes = functools.lru_cache(maxsize=4096)(self._sizes)

    @property
    def dimensions(self) -> set[str]:
        """The names of the dimensions of the arguments."""
        forms = (form for forms in self.forms.values() for form in forms)
        return {dim for form in forms for dim in form.dims if isinstance(dim, str)} - {REST}

    def check(self, tensors: Mapping[str, Any]) -> Sizes:
        """Raise unless the tensors have the declared shapes and dtypes; None matches any size.

        Raises:
            TypeError: an argument has the wrong dtype, or is not a single tensor.
            ValueError: an argument has the wrong shape.
        """
        return self.sizes(tuple([self._key(name, tensors.get(name)) for name in self.forms]))

    def check_returned(self, outputs: Any, tensors: Mapping[str, Any]) -> None:
        """Raise unless the results for these arguments have the declared shapes and dtypes."""
        sizes = self.check(tensors)
        pairs = zip(keras.tree.flatten(self.returns), keras.tree.flatten(outputs), strict=True)
        for place, (form, output) in enumerate(pairs):
            self._match(f"result {place}", (form,), tuple(output.shape), output.dtype, sizes)

    def _key(self, name: str, tensor: Any) -> tuple | None:
        if tensor is None:
            return None
        try:
            return tuple(tensor.shape), tensor.dtype
        except AttributeError:
            raise TypeError(
                f"kernel {self.kernel!r}: `{name}` must be one tensor; received "
                f"{type(tensor).__name__}"
            ) from None
        except ValueError:  # TensorFlow: the rank is unknown
            return None

    def _sizes(self, given: tuple[tuple | None, ...]) -> Sizes:
        sizes = Sizes()
        for name, key in zip(self.forms, given, strict=True):
            if key is not None:
                shape, dtype = key
                # JAX has symbols for sizes where Keras asks for shapes.
                shape = tuple(size if isinstance(size, int) else None for size in shape)
                form = self._match(name, self.forms[name], shape, dtype, sizes)
                sizes.add(name, form, shape)
        return sizes

    def _match(
        self, name: str, allowed: Sequence[Form], shape: Shape, dtype: Any, sizes: Sizes
    ) -> Form:
        """Return the first form that matches, or raise."""
        dtype = keras.backend.standardize_dtype(dtype)
        forms = [form for form in allowed if DTYPES[form.dtype](dtype)]
        if not forms:
            words = " or ".join(dict.fromkeys(form.dtype for form in allowed))
            raise TypeError(
                f"kernel {self.kernel!r}: `{name}` must have a dtype of kind {words}; received "
                f"{dtype} of shape {shape}"
            )
        reasons = []
        for form in forms:
            pairs = form.pairs(shape)
            reason = f"{len(shape)} dimensions" if pairs is None else sizes.clash(pairs)
            if reason is None:
                return form
            reasons.append((pairs is None, form, reason))
        _, form, reason = min(reasons, key=lambda each: each[0])
        every = " or ".join(map(str, forms))
        known = sizes.format_known(form)
        raise ValueError(
            f"kernel {self.kernel!r}: `{name}` must have shape {every}"
            f"{f', here {known}' if known != every else ''}; received {shape}: {reason}"
        )


def shown(dims: Sequence[Any]) -> str:
    """Format dimensions as Python writes a shape."""
    words = [str(size) for dim in dims for size in (dim if isinstance(dim, tuple) else (dim,))]
    return f"({', '.join(words)}{',' if len(words) == 1 and words != [REST] else ''})"


def _agree(known: Any, size: Any) -> bool:
    if isinstance(known, tuple) and isinstance(size, tuple):
        return len(known) == len(size) and all(map(_agree, known, size))
    return known is None or size is None or known == size


def _merged(known: Any, size: Any) -> Any:
    if isinstance(known, tuple):
        return tuple(old if new is None else new for old, new in zip(known, size, strict=True))
    return size
