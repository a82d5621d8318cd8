"""Constructor arguments that a class declares once, as annotated fields.

`beta: float = argument(default=1.0)` in the body of a class is all that an argument takes: the
constructor accepts it, `self.beta` holds it, `get_config` returns it, and `inspect.signature` and
editors show it. Only names and defaults matter at run time; annotations are for readers and type
checkers.
"""

from __future__ import annotations

import inspect
import re
from dataclasses import dataclass
from typing import Any, ClassVar, dataclass_transform, get_origin

import numpy as np

from kerasx.calls import wrong_call

REQUIRED = inspect.Parameter.empty


@dataclass(frozen=True)
class _Argument:
    """Default and kind of a field."""

    default: Any
    kw_only: bool


def argument(*, default: Any = REQUIRED, kw_only: bool = True) -> Any:
    """Declare a constructor argument in the body of a class built on `Configurable`.

    Args:
        default: the default; without one the argument is required. Type checkers recognise it by
            this keyword.
        kw_only: whether the argument can only be passed by name.
    """
    return _Argument(default, kw_only)


@dataclass_transform(kw_only_default=True, field_specifiers=(argument,))
class Configurable:
    """Base of Keras objects whose constructor arguments are annotated fields.

    Every annotated name in the body of a subclass is an argument, except for those that begin with
    an underscore or are annotated as `ClassVar`. Positional arguments come in the order of
    inheritance, a base's first; among keyword arguments the most derived class comes first. A
    subclass may declare a field again to change its default.

    NumPy scalars and arrays become Python numbers and tuples, and lists become tuples, also in
    lists and tuples.

    A subclass may also override `__init__` with arguments of its own, and call `super().__init__`
    with those of the fields. `get_config` then keeps the fields that the overriding `__init__`
    accepts: those that it names, and those that its caller passed through its `**kwargs`.

    Example:
    >>> import keras
    >>> from kerasx.authoring import Configurable, argument
    >>> class Scale(Configurable, keras.Metric):
    ...     name: str | None = argument(default=None)
    ...     dtype: str | None = argument(default=None)
    ...
    >>> class Power(Scale):
    ...     base: float = argument(default=10.0, kw_only=False)
    ...     exponent: int = argument(default=2)
    ...
    >>> Power(2.0).get_config()
    {'base': 2.0, 'exponent': 2, 'name': 'power', 'dtype': 'float32'}
    """

    _declared: ClassVar[dict[str, inspect.Parameter]] = {}
    _fields: ClassVar[inspect.Signature] = inspect.Signature()
    __signature__: ClassVar[inspect.Signature]
    _passed: frozenset[str]

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        cls._declared = _declared_by(cls)
        cls._fields = inspect.Signature(_merged(cls))
        if takes_fields(cls):
            cls.__signature__ = cls._fields
        else:
            own = inspect.signature(cls.__init__)  # type: ignore[misc]
            cls.__signature__ = own.replace(parameters=list(own.parameters.values())[1:])

    def __new__(cls, *args: Any, **kwargs: Any) -> Configurable:
        configurable = super().__new__(cls)
        configurable._passed = frozenset(kwargs)
        return configurable

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        try:
            bound = self._fields.bind(*args, **kwargs)
        except TypeError as error:
            raise wrong_call(type(self).__name__, self._fields, error) from None
        bound.apply_defaults()
        arguments = {name: plain(value) for name, value in bound.arguments.items()}
        name, dtype = arguments.pop("name", None), arguments.pop("dtype", None)
        for field, value in arguments.items():
            setattr(self, field, value)
        # The next base is a class of Keras.
        super().__init__(name=name or self.default_name(), dtype=dtype)  # type: ignore[call-arg]
        self.validate()
        self._complete()

    def default_name(self) -> str:
        """Return the name to use if none was passed: that of the class, in snake case."""
        return snake_case(type(self).__name__)

    def validate(self) -> None:
        """Raise ValueError if a field has an invalid value. Called once all fields are set."""

    def _complete(self) -> None:
        """Finish construction, with valid arguments; for bases that create variables."""

    def get_config(self) -> dict[str, Any]:
        """Return the arguments from which `from_config` makes an equal object."""
        return {name: getattr(self, name) for name in self._accepted()}

    def _accepted(self) -> list[str]:
        """Return the names of the fields that `__init__` accepts."""
        fields = list(self._fields.parameters)
        if takes_fields(type(self)):
            return fields
        parameters = type(self).__signature__.parameters
        passed_on = any(each.kind is each.VAR_KEYWORD for each in parameters.values())
        return [
            name for name in fields if name in parameters or (passed_on and name in self._passed)
        ]


def plain(value: Any) -> Any:
    """Return NumPy scalars, NumPy arrays and lists as values that Python hashes and JSON holds."""
    if isinstance(value, np.generic | np.ndarray):
        value = value.tolist()
    is_sequence = isinstance(value, list) or type(value) is tuple  # a named tuple stays one
    return tuple(map(plain, value)) if is_sequence else value


def snake_case(name: str) -> str:
    """Return a class name in snake case: `F1Score` gives `f1_score`."""
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", "_", name).lower()


def takes_fields(value: Any) -> bool:
    """Return whether a value is a class whose constructor takes its declared fields.

    It is one unless the class overrides `__init__` with arguments of its own.
    """
    is_class = inspect.isclass(value) and issubclass(value, Configurable)
    return is_class and value.__init__ is Configurable.__init__


def _declared_by(cls: type) -> dict[str, inspect.Parameter]:
    """Return the fields in the body of a class, and take their defaults out of it.

    A default left there would hide an attribute of another base, such as `dtype` of Keras.
    """
    declared = {}
    for name, annotation in inspect.get_annotations(cls).items():
        if name.startswith("_") or _is_class_variable(annotation):
            continue
        value = cls.__dict__.get(name, REQUIRED)
        if name in cls.__dict__:
            delattr(cls, name)
        if not isinstance(value, _Argument):
            value = _Argument(value, kw_only=True)
        kinds = inspect.Parameter
        kind = kinds.KEYWORD_ONLY if value.kw_only else kinds.POSITIONAL_OR_KEYWORD
        declared[name] = inspect.Parameter(name, kind, default=value.default, annotation=annotation)
    return declared


def _is_class_variable(annotation: Any) -> bool:
    if isinstance(annotation, str):
        return re.match(r"(typing\.)?ClassVar\b", annotation) is not None
    return annotation is ClassVar or get_origin(annotation) is ClassVar


def _merged(cls: type) -> list[inspect.Parameter]:
    """Return the fields of a class and its bases in the order of the constructor."""
    declarations = [vars(base).get("_declared", {}) for base in cls.__mro__]
    latest: dict[str, inspect.Parameter] = {}
    for declared in reversed(declarations):
        latest.update(declared)
    derived_first = {name: latest[name] for declared in declarations for name in declared}
    positional = [field for field in latest.values() if field.kind is not field.KEYWORD_ONLY]
    keyword = [field for field in derived_first.values() if field.kind is field.KEYWORD_ONLY]
    return positional + keyword
