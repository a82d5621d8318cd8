"""What a layer leaves for a loss: a record beside the very tensor that it returns.

Keras gives a loss labels and predictions. Some losses need more: a fused softmax the features
under the logits, a CRF the emissions under the tags. The layer returns the plain result, so that
`predict` and every other loss work, and records the rest beside it; the loss finds the record by
the tensor's identity, as Keras finds masks. A record lives as long as its tensor, and has one form
in eager, compiled and differentiated code.

What follows from identity, and is an error that says so: any operation between the layer and the
loss (an activation, a cast, a reshape) makes another tensor, without a record; so does
rematerialisation, and a function of one's own that is compiled around the layer alone.
"""

from __future__ import annotations

import weakref
from typing import Any, TypeVar

import keras
from keras import ops

T = TypeVar("T")

ATTRIBUTE = "_kerasx_records"
# For tensors that take no attribute, which are JAX's while it traces: id -> (tensor, records).
_records: dict[int, tuple[weakref.ref, dict[type, Any]]] = {}


def record(tensor: Any, value: Any) -> None:
    """Record a value beside a tensor; another one of the same class replaces it.

    Call it in a layer's `call`, with the tensor that `call` returns.

    Args:
        tensor: a tensor of the backend.
        value: an instance of a class of its own, whose name is that of the record: a `NamedTuple`
            of tensors, `None` and constants.

    Example:
    >>> from typing import Any, NamedTuple
    >>> class Halved(NamedTuple):
    ...     whole: Any
    >>> whole = keras.ops.ones(2)
    >>> half = whole / 2
    >>> record(half, Halved(whole))
    >>> recorded(half, Halved).whole is whole, recorded(whole, Halved)
    (True, None)
    """
    _keep(tensor, value)
    # In JAX's `fit` the metrics see the tensor that underlies the differentiated one.
    underlying = getattr(tensor, "primal", None) if keras.backend.backend() == "jax" else None
    if underlying is not None:
        _keep(underlying, keras.tree.map_structure(_undifferentiated, value))


def recorded(tensor: Any, kind: type[T]) -> T | None:
    """The record of a class beside a tensor, or `None`."""
    found = getattr(tensor, ATTRIBUTE, None)
    if found is None:
        reference, found = _records.get(id(tensor), (None, None))
        if reference is None or reference() is not tensor:
            return None
    return found.get(kind)


def required(tensor: Any, kind: type[T], *, by: str, layer: str, hint: str = "") -> T | None:
    """The record of a class beside a tensor; an error if it is missing.

    Keras computes the shapes of a model's loss with tensors that no layer returned: there, and
    only there, the result may be `None`.

    Args:
        tensor: the predictions.
        kind: the class of the record.
        by: name of what needs the record, such as a loss, for the message.
        layer: name of the layer that makes such records, for the message.
        hint: ends the message.

    Raises:
        ValueError: no layer recorded such a value beside this very tensor.
    """
    found = recorded(tensor, kind)
    if found is None and not is_shape_inference():
        raise ValueError(
            f"{by}: y_pred, of shape {tuple(getattr(tensor, 'shape', ()))}, is not what a {layer} "
            f"returned. Make the {layer} the last layer of the model: an activation, a cast or a "
            "reshape after it gives another tensor, and so does calling it within keras.remat, a "
            f"keras.RematScope, or a compiled function of its own{hint}"
        )
    return found


def is_shape_inference() -> bool:
    """Whether Keras is computing shapes: there are no values, or they are made up."""
    with keras.SymbolicScope() as scope:
        return scope.original_scope is not None


def _undifferentiated(leaf: Any) -> Any:
    return ops.stop_gradient(leaf) if ops.is_tensor(leaf) else leaf


def _keep(tensor: Any, value: Any) -> None:
    known = getattr(tensor, ATTRIBUTE, None) or _records.get(id(tensor), (None, {}))[1]
    records = {**known, type(value): value}
    try:
        setattr(tensor, ATTRIBUTE, records)
    except AttributeError:
        place = id(tensor)
        _records[place] = (weakref.ref(tensor, lambda _: _records.pop(place, None)), records)
