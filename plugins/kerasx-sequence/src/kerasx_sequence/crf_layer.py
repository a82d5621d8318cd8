"""The last layer of a tagger: from features to the best sequence of tags."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import keras
import numpy as np
from keras import ops

from kerasx.authoring import attach, attached, check_positive_integers, mask_of
from kerasx_sequence.constraints import Constraints
from kerasx_sequence.crf import Potentials, crf_decode


def mask_of_tags(tags: Any) -> Any:
    """Return the mask that a `CRF` attached to its tags, or else the one that Keras attached.

    In JAX's `fit`, metrics get no mask from Keras.
    """
    potentials = attached(tags, Potentials)
    return mask_of(tags) if potentials is None else potentials.mask


class CRF(keras.layers.Layer):
    """Linear-chain conditional random field: the best sequence of tags for given features.

    It computes `emissions = inputs @ kernel + bias` and returns the tags of `crf_decode` (Lafferty
    et al., "Conditional Random Fields", 2001; with a recurrent network: Huang et al.,
    "Bidirectional LSTM-CRF Models for Sequence Tagging", 2015).

    The output is tags, so `predict` returns tags. The layer attaches the potentials to them, from
    which `CRFLoss` computes the likelihood and where `TagAccuracy` finds the mask. A compiled
    training step decodes only if a metric reads the tags; eager code, PyTorch's default, always
    decodes.

    Args:
        units: number of tags.
        use_kernel: whether to project the inputs. Without a projection they are the emissions.
        use_bias: whether to add a bias to the projection.
        use_boundary: whether to learn potentials for the first and the last tag of a sequence.
        constraints: `Constraints`, as `kerasx_sequence.iob2_constraints` makes them, or a mapping
            with the same names. They limit which tags the output may begin and end with and which
            may follow each other. They do not affect the likelihood.
        kernel_initializer: initializer of the projection.
        bias_initializer: initializer of the bias.
        chain_initializer: initializer of the transitions.
        boundary_initializer: initializer of the potentials of both ends.
        **kwargs: the arguments of `keras.layers.Layer`.

    Input shape: `(batch, time, features)`. A mask selects the steps that count. They must be next
        to each other; padding may come before or after them.

    Output shape: `(batch, time)`, int32; 0 at steps that do not count.

    Raises:
        ValueError: sizes do not match, or (in eager mode) a mask has holes or the constraints allow
            no path. In compiled code the loss of such a sequence is NaN.

    Example:
    >>> import keras, kerasx
    >>> tokens = keras.Input((None,), dtype="int32")
    >>> x = keras.layers.Embedding(50, 8, mask_zero=True)(tokens)
    >>> x = keras.layers.Bidirectional(keras.layers.LSTM(8, return_sequences=True))(x)
    >>> model = keras.Model(tokens, kerasx.layers.CRF(5)(x))
    >>> model.compile("adam", kerasx.losses.CRFLoss(), metrics=[kerasx.metrics.TagAccuracy()])
    >>> model.output_shape
    (None, None)
    """

    def __init__(
        self,
        units: int,
        *,
        use_kernel: bool = True,
        use_bias: bool = True,
        use_boundary: bool = True,
        constraints: Constraints | Mapping[str, Any] | None = None,
        kernel_initializer: Any = "glorot_uniform",
        bias_initializer: Any = "zeros",
        chain_initializer: Any = "zeros",
        boundary_initializer: Any = "zeros",
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        check_positive_integers(self.name, units=units)
        self.units = units
        self.use_kernel = use_kernel
        self.use_bias = use_bias
        self.use_boundary = use_boundary
        self.constraints = None if constraints is None else self._as_lists(constraints)
        self.kernel_initializer = keras.initializers.get(kernel_initializer)
        self.bias_initializer = keras.initializers.get(bias_initializer)
        self.chain_initializer = keras.initializers.get(chain_initializer)
        self.boundary_initializer = keras.initializers.get(boundary_initializer)
        self.supports_masking = True

    def _as_lists(self, constraints: Constraints | Mapping[str, Any]) -> dict[str, Any]:
        """Check the shapes of constraints and return them as lists, which JSON can hold."""
        if isinstance(constraints, Constraints):
            constraints = constraints._asdict()
        sizes = ((self.units, self.units), (self.units,), (self.units,))
        expected = dict(zip(Constraints._fields, sizes, strict=True))
        received = {name: np.shape(value) for name, value in constraints.items()}
        if received != expected:
            raise ValueError(
                f"{self.name}: constraints must have the shapes {expected}; received {received}"
            )
        return {name: np.asarray(value, bool).tolist() for name, value in constraints.items()}

    def build(self, input_shape: tuple[int | None, ...]) -> None:
        if len(input_shape) != 3 or input_shape[-1] is None:
            raise ValueError(
                f"{self.name}: inputs must have shape (batch, time, features), the last of a known "
                f"size; received {tuple(input_shape)}"
            )
        if not self.use_kernel and input_shape[-1] != self.units:
            raise ValueError(
                f"{self.name}: without a kernel the inputs are emissions of {self.units} tags; "
                f"received {input_shape[-1]} channels, shape {tuple(input_shape)}"
            )
        self.kernel = self.bias = self.start = self.end = None
        if self.use_kernel:
            shape = (input_shape[-1], self.units)
            self.kernel = self.add_weight(shape, self.kernel_initializer, name="kernel")
            if self.use_bias:
                self.bias = self.add_weight((self.units,), self.bias_initializer, name="bias")
        shape = (self.units, self.units)
        self.transitions = self.add_weight(shape, self.chain_initializer, name="transitions")
        if self.use_boundary:
            self.start, self.end = (
                self.add_weight((self.units,), self.boundary_initializer, name=name)
                for name in ("start", "end")
            )

    def call(self, inputs: Any, mask: Any = None) -> Any:
        emissions = inputs
        if self.kernel is not None:
            emissions = ops.matmul(inputs, self.kernel)
            if self.bias is not None:
                emissions = emissions + self.bias
        potentials = Potentials(
            emissions,
            ops.convert_to_tensor(self.transitions),
            mask=None if mask is None else ops.cast(mask, "bool"),
            start=None if self.start is None else ops.convert_to_tensor(self.start),
            end=None if self.end is None else ops.convert_to_tensor(self.end),
        )
        constant = {
            name: ops.stop_gradient(tensor)
            for name, tensor in potentials._asdict().items()
            if tensor is not None
        }
        tags, _ = crf_decode(**constant, **(self.constraints or {}))
        attach(tags, potentials)
        return tags

    def compute_output_spec(self, inputs: Any, mask: Any = None) -> keras.KerasTensor:
        return keras.KerasTensor(inputs.shape[:-1], "int32")

    def compute_output_shape(self, input_shape: tuple[int | None, ...]) -> tuple[int | None, ...]:
        return tuple(input_shape[:-1])

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "units": self.units,
            "use_kernel": self.use_kernel,
            "use_bias": self.use_bias,
            "use_boundary": self.use_boundary,
            "constraints": self.constraints,
            "kernel_initializer": keras.initializers.serialize(self.kernel_initializer),
            "bias_initializer": keras.initializers.serialize(self.bias_initializer),
            "chain_initializer": keras.initializers.serialize(self.chain_initializer),
            "boundary_initializer": keras.initializers.serialize(self.boundary_initializer),
        }
