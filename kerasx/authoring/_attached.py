"""Values attached to a tensor: what a layer hands to a loss in addition to its output.

Keras gives a loss labels and predictions. Some losses need more: a fused softmax needs the features
under the logits, a CRF the emissions under the tags. The layer returns the plain result, so that
`predict` and every other loss work, and attaches the rest to it. The loss finds the value by the
tensor's identity, as Keras finds masks. A value lives as long as its tensor, in eager, compiled and
differentiated code alike.

Anything applied between the layer and the loss makes another tensor, to which nothing is attached:
an activation, a cast, a reshape, `keras.remat`, or your own compiled function around the layer
alone. The loss then raises.
"""

from __future__ import annotations

import functools
import weakref
from collections.abc import Callable
from typing import Any, TypeVar

import keras
from keras import ops

from kerasx.compiler import is_concrete, is_shape_inference, undifferentiated

T = TypeVar("T")

ATTRIBUTE = "_kerasx_attached"
# For tensors that take no attribute, which are JAX's while it traces: id -> (tensor, values).
_table: dict[int, tuple[weakref.ref, dict[type, Any]]] = {}


def attach(tensor: Any, value: Any) -> None:
    """Attach a value to a tensor; it replaces an earlier value of the same class.

    Call it in a layer's `call`, with the tensor that `call` returns.

    Args:
        tensor: a tensor of the backend.
        value: an instance of a class made for this purpose: a `NamedTuple` of tensors, `None` and
            constants.

    Example:
    >>> from typing import Any, NamedTuple
    >>> from kerasx.authoring import attach, attached
    >>> class Halved(NamedTuple):
    ...     whole: Any
    >>> whole = keras.ops.ones(2)
    >>> half = whole / 2
    >>> attach(half, Halved(whole))
    >>> attached(half, Halved).whole is whole, attached(whole, Halved)
    (True, None)
    """
    _store(tensor, value)
    underlying = undifferentiated(tensor)
    if underlying is not None:
        _store(underlying, keras.tree.map_structure(_stop_gradient, value))


def attached(tensor: Any, kind: type[T]) -> T | None:
    """Return the value of a class that is attached to a tensor, or `None`."""
    values = getattr(tensor, ATTRIBUTE, None)
    if values is None:
        reference, values = _table.get(id(tensor), (None, None))
        if reference is None or values is None or reference() is not tensor:
            return None
    return values.get(kind)


def require(tensor: Any, kind: type[T], *, by: str, layer: str, hint: str = "") -> T | None:
    """Return the value of a class that is attached to a tensor, or raise if there is none.

    Keras computes the shapes of a model's loss with tensors that no layer returned: there, and
    only there, the result may be `None`.

    Args:
        tensor: the predictions.
        kind: the class of the value.
        by: name of the loss or metric that needs it, for the message.
        layer: name of the layer that attaches such values, for the message.
        hint: added to the end of the message.

    Raises:
        ValueError: no layer attached such a value to this very tensor.
    """
    value = attached(tensor, kind)
    if value is None and not is_shape_inference():
        raise ValueError(
            f"{by}: y_pred, of shape {tuple(getattr(tensor, 'shape', ()))}, is not what a {layer} "
            f"returned. Make the {layer} the last layer of the model: an activation, a cast or a "
            "reshape after it gives another tensor, and so does calling it within keras.remat, a "
            f"keras.RematScope, or a compiled function of its own{hint}"
        )
    return value


def _stop_gradient(leaf: Any) -> Any:
    return ops.stop_gradient(leaf) if ops.is_tensor(leaf) else leaf


def _store(tensor: Any, value: Any) -> None:
    known = getattr(tensor, ATTRIBUTE, None) or _table.get(id(tensor), (None, {}))[1]
    values = {**known, type(value): value}
    try:
        setattr(tensor, ATTRIBUTE, values)
    except AttributeError:
        key = id(tensor)
        _table[key] = (weakref.ref(tensor, functools.partial(_forget, key)), values)


# A default keeps the method: module globals are gone when the interpreter exits.
def _forget(key: int, _: weakref.ref, pop: Callable[..., Any] = _table.pop) -> None:
    pop(key, None)


def mask_of(tensor: Any) -> Any:
    """Return the mask that Keras attached to a tensor, or `None`.

    Keras hands masks to layers only, so this calls a layer that returns its mask.
    """
    if not ops.is_tensor(tensor):
        return None
    # A call of a layer takes 0.05 ms. torch.compile cannot read the attributes of a tensor.
    if is_concrete(tensor) and getattr(tensor, "__dict__", None) == {}:
        return None  # nothing at all is attached to it
    return _mask_layer(tensor)


class _Mask(keras.layers.Layer):
    """Returns the mask of its input."""

    def __init__(self) -> None:
        # A name of its own: TensorFlow accepts no scope that begins with an underscore.
        super().__init__(autocast=False, name="mask")
        self.supports_masking = True

    def call(self, inputs: Any, mask: Any = None) -> Any:
        return mask


_mask_layer = _Mask()
