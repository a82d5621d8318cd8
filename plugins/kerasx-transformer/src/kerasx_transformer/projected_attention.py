"""The mechanism of the attention layers: projections, masks, positions and a cache."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from string import ascii_lowercase
from typing import Any

import keras
from keras import constraints, initializers, ops, regularizers

from kerasx.authoring import check_argument
from kerasx_transformer.alibi import alibi_slopes
from kerasx_transformer.attention import blockwise_attention
from kerasx_transformer.attention.options import WINDOW, Options, Window, as_pair, is_window
from kerasx_transformer.attention.reference import plain_attention
from kerasx_transformer.attention.routes import prefers_backend_dropout
from kerasx_transformer.cache import current_scope, first_position
from kerasx_transformer.folding import Folding
from kerasx_transformer.initializers import fresh_initializer
from kerasx_transformer.rotary import RotaryEmbedding

Tensor = Any
Shape = tuple[int | None, ...]
# Methods that Keras's attention layers call, and these do not.
UNCALLED = (
    "_build_attention",
    "_compute_attention_mask",
    "_compute_causal_mask",
    "_compute_sliding_window_mask",
    "_masked_softmax",
)
SERIALIZERS = {"initializer": initializers, "regularizer": regularizers, "constraint": constraints}


class ProjectedAttention(keras.layers.Layer):
    """Attention of several heads over projections of its inputs.

    A subclass names its sizes in its own way and passes the other arguments on. They are documented
    in `MultiHeadAttention`, and stand here only, with their defaults.

    Args:
        heads: number of heads of the queries.
        key_value_heads: number of heads of keys and values.
        key_size: size of each head of queries and keys.
        value_size: size of each head of values.
        output_size: sizes of the output, or `None` for that of the query.
        attention_axes: axes of the query over which it attends, or `None`.
    """

    def __init__(
        self,
        *,
        heads: int,
        key_value_heads: int,
        key_size: int,
        value_size: int,
        output_size: tuple[int, ...] | None = None,
        attention_axes: tuple[int, ...] | None = None,
        dropout: float = 0.0,
        use_bias: bool = True,
        sliding_window: Window = None,
        flash_attention: bool | None = None,
        kernel_initializer: Any = "glorot_uniform",
        bias_initializer: Any = "zeros",
        kernel_regularizer: Any = None,
        bias_regularizer: Any = None,
        activity_regularizer: Any = None,
        kernel_constraint: Any = None,
        bias_constraint: Any = None,
        use_gate: bool = False,
        seed: int | None = None,
        rotary: bool | RotaryEmbedding | Mapping[str, Any] | None = None,
        alibi: bool = False,
        logit_softcap: float | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        for name in UNCALLED:
            if hasattr(self, name):
                raise TypeError(
                    f"{type(self).__name__}: this layer never calls {name}, which it overrides; "
                    "override _compute_attention instead, or choose another name"
                )
        check_argument(self.name, "dropout", dropout, 0 <= dropout < 1, "from 0 to below 1")
        check_argument(
            self.name, "sliding_window", sliding_window, is_window(sliding_window), WINDOW
        )
        if logit_softcap is not None:
            check_argument(
                self.name, "logit_softcap", logit_softcap, logit_softcap > 0, "positive, or None"
            )
        if isinstance(rotary, Mapping):
            rotary = keras.saving.deserialize_keras_object(rotary)
        self.supports_masking = True
        self.heads = heads
        self.key_value_heads = key_value_heads
        self.key_size = key_size
        self.value_size = value_size
        self.output_size = output_size
        self.attention_axes = attention_axes
        self.dropout = dropout
        self.use_bias = use_bias
        if isinstance(sliding_window, list):  # as a saved configuration holds a pair
            sliding_window = tuple(sliding_window)
        self.sliding_window = sliding_window
        self.flash_attention = flash_attention
        self.kernel_initializer = initializers.get(kernel_initializer)
        self.bias_initializer = initializers.get(bias_initializer)
        self.kernel_regularizer = regularizers.get(kernel_regularizer)
        self.bias_regularizer = regularizers.get(bias_regularizer)
        self.projection_regularizer = regularizers.get(activity_regularizer)
        self.kernel_constraint = constraints.get(kernel_constraint)
        self.bias_constraint = constraints.get(bias_constraint)
        self.use_gate = use_gate
        self.seed = seed
        self.alibi = alibi
        self.logit_softcap = logit_softcap
        # A layer that is given keeps its own dtype: it may be shared.
        self.rotary: Any = (
            RotaryEmbedding(dtype=self.dtype_policy) if rotary is True else rotary or None
        )

    def build(self, query_shape: Shape, value_shape: Shape, key_shape: Shape | None = None) -> None:
        self._check_shapes(query_shape, value_shape, key_shape)
        rank = len(query_shape)
        axes = self.attention_axes or tuple(range(1, rank - 1))
        self.axes = tuple(axis % rank for axis in axes)
        for name in ("rotary", "alibi", "sliding_window"):
            if getattr(self, name):
                self._check_axes(name)
        heads = (self.heads, self.key_size)
        key_heads = (self.key_value_heads, self.key_size)
        value_heads = (self.key_value_heads, self.value_size)
        # The order of these attributes is that of the weights in Keras's layers.
        self.query_dense = self._projection("query", query_shape, heads)
        self.key_dense = self._projection("key", key_shape or value_shape, key_heads)
        if self.use_gate:
            gates = (self.heads, self.value_size)
            self.gate_dense = self._projection("gate", query_shape, gates, activation="sigmoid")
        self.value_dense = self._projection("value", value_shape, value_heads)
        self.dropout_layer = keras.layers.Dropout(
            self.dropout, seed=self.seed, dtype=self.dtype_policy
        )
        mixed = (*query_shape[:-1], self.heads, self.value_size)
        output_size = self.output_size or query_shape[-1:]
        self.output_dense = self._projection("attention_output", mixed, output_size, bound=2)

    def _projection(
        self, name: str, shape: Shape, sizes: Sequence[Any], bound: int = 1, **options: Any
    ) -> keras.layers.EinsumDense:
        """Build a dense layer from the last `bound` axes to axes of these sizes."""
        inputs, outputs = ascii_lowercase[:bound], ascii_lowercase[bound : bound + len(sizes)]
        free = ascii_lowercase[-(len(shape) - bound) :]
        layer = keras.layers.EinsumDense(
            f"{free}{inputs},{inputs}{outputs}->{free}{outputs}",
            output_shape=[None] * (len(free) - 1) + list(sizes),
            bias_axes=outputs if self.use_bias else None,
            kernel_initializer=fresh_initializer(self.kernel_initializer),
            bias_initializer=fresh_initializer(self.bias_initializer),
            kernel_regularizer=self.kernel_regularizer,
            bias_regularizer=self.bias_regularizer,
            activity_regularizer=self.projection_regularizer,
            kernel_constraint=self.kernel_constraint,
            bias_constraint=self.bias_constraint,
            dtype=self.dtype_policy,
            name=name,
            **options,
        )
        layer.supports_masking = True  # or Keras warns that the mask of its input is lost
        layer.build(shape)
        return layer

    def call(
        self,
        query: Tensor,
        value: Tensor,
        key: Tensor | None = None,
        query_mask: Tensor | None = None,
        value_mask: Tensor | None = None,
        key_mask: Tensor | None = None,
        attention_mask: Tensor | None = None,
        return_attention_scores: bool = False,
        training: bool | None = None,
        use_causal_mask: bool = False,
        segment_ids: Tensor | tuple[Tensor, Tensor] | None = None,
    ) -> Any:
        if use_causal_mask:
            self._check_axes("use_causal_mask")
        if segment_ids is not None and (self.axes != (1,) or len(query.shape) != 3):
            raise ValueError(
                f"{self.name}: segment_ids needs a query (batch, time, channels); received shape "
                f"{tuple(query.shape)}"
            )
        scope = current_scope()
        if scope is not None:
            self._check_step(
                use_causal_mask,
                attention_mask=attention_mask is not None,
                return_attention_scores=return_attention_scores,
                segment_ids=segment_ids is not None,
            )
        # Keras counts both from the first position, the kernel from the last.
        is_aligned = query is value or query.shape[1] == value.shape[1] is not None
        gate = self.gate_dense(query) if self.use_gate else None
        query, key = self.query_dense(query), self.key_dense(value if key is None else key)
        value = self.value_dense(value)
        if self.rotary is not None:
            query, key = map(self._with_positions, (query, key))
        mask = _both(_as_bool(value_mask), _as_bool(key_mask))  # (batch, key time)
        offset: Any = 0  # position of the first query among the keys
        if scope is not None:
            cached = scope.extend(key, value, *([] if mask is None else [mask]))
            if not scope.is_new:
                key, value, *masks = cached
                mask = masks[0] if masks else None
                offset = scope.position
        folding = Folding(query, key, self.axes)
        mask = _both(
            folding.align_mask(_as_bool(attention_mask)),
            folding.align_mask(None if mask is None else mask[:, None]),
        )
        visibility: dict[str, Any] = {
            "causal": use_causal_mask,
            "window": self.sliding_window,
            "segment_ids": segment_ids,
        }
        flags: dict[str, Any] = {
            "training": training,
            "return_attention_scores": return_attention_scores,
        }
        if self._is_overridden():
            mask = self._whole_mask(query, key, mask, folding, offset, **visibility)
            output, scores = self._overridden_attention(query, key, value, mask, **flags)
        else:
            output, scores = self._attend(
                query,
                key,
                value,
                mask,
                folding=folding,
                offset=offset,
                is_aligned=is_aligned,
                **visibility,
                **flags,
            )
        if gate is not None:
            output = output * gate
        output = self.output_dense(output)
        if return_attention_scores:
            return output, ops.cast(scores, self.compute_dtype)
        return output

    def _compute_attention(
        self,
        query: Tensor,
        key: Tensor,
        value: Tensor,
        attention_mask: Tensor | None = None,
        training: bool | None = None,
        return_attention_scores: bool = False,
        use_causal_mask: bool = False,
    ) -> tuple[Tensor, Tensor | None]:
        """Attend with projected queries, keys and values: override it, as in Keras.

        Dropout, `logit_softcap` and `alibi` act here, so only an override that calls this method
        has them. Causality, the window, segments and the cache are in `attention_mask`.

        Args:
            query: projected queries `(batch, query time, heads, key_dim)`, rotated if `rotary`.
            key: projected keys `(batch, key time, heads, key_dim)`, likewise; within a
                `CacheScope`, with all earlier ones. Those of fewer heads than the queries' are
                repeated.
            value: projected values `(batch, key time, heads, value_dim)`, likewise.
            attention_mask: boolean `(batch or 1, query time, key time)`, or with an axis of heads
                after the first, of all keys that each query may see; `None` for all.
            training: whether dropout acts.
            return_attention_scores: whether scores are needed; passed if they are.
            use_causal_mask: whether a query sees only keys up to its own position; never passed to
                an override.

        Returns:
            The output `(batch, query time, heads, value_dim)`, and scores
            `(batch, heads, query time, key time)` or `None`.
        """
        scope = current_scope()
        folding = Folding(query, key, self.axes)
        return self._attend(
            query,
            key,
            value,
            folding.align_mask(_as_bool(attention_mask)),
            folding=folding,
            offset=0 if scope is None or scope.is_new else scope.position,
            is_aligned=query.shape[1] == key.shape[1] is not None,
            causal=use_causal_mask,
            window=None,
            segment_ids=None,
            training=training,
            return_attention_scores=return_attention_scores,
        )

    def _is_overridden(self) -> bool:
        method = getattr(self._compute_attention, "__func__", None)
        return method is not ProjectedAttention._compute_attention

    def _overridden_attention(
        self,
        query: Tensor,
        key: Tensor,
        value: Tensor,
        mask: Tensor | None,
        *,
        training: bool | None,
        return_attention_scores: bool,
    ) -> tuple[Tensor, Tensor | None]:
        """Call a subclass's `_compute_attention` as Keras's layers do."""
        repeats = self.heads // self.key_value_heads
        if repeats > 1:
            key, value = (ops.repeat(x, repeats, axis=-2) for x in (key, value))
        # Overrides written for earlier versions of Keras do not take the third.
        asks = {"return_attention_scores": True} if return_attention_scores else {}
        result = self._compute_attention(
            query, key, value, attention_mask=mask, training=training, **asks
        )
        valid = isinstance(result, tuple) and len(result) == 2
        if not valid or (return_attention_scores and result[1] is None):
            raise ValueError(
                f"{self.name}: _compute_attention must return a tuple of the output and the "
                f"scores; received {result!r}"
            )
        return result

    def _whole_mask(
        self,
        query: Tensor,
        key: Tensor,
        mask: Tensor | None,
        folding: Folding,
        offset: Any,
        *,
        causal: bool,
        window: Window,
        segment_ids: Any,
    ) -> Tensor | None:
        """Return all that says which keys a query sees as one mask, without heads if it can be."""
        rows = offset + ops.arange(ops.shape(query)[1])[:, None]
        columns = ops.arange(ops.shape(key)[1])[None]
        for condition in Options(causal=causal, window=window).visible(rows, columns):
            mask = _both(mask, condition[None, None])
        if segment_ids is not None:
            query_ids, key_ids = as_pair(segment_ids)
            mask = _both(mask, query_ids[:, None, :, None] == key_ids[:, None, None, :])
        heads_axis = len(folding.batch_shape)
        if mask is not None and mask.shape[heads_axis] == 1:
            mask = ops.squeeze(mask, heads_axis)
        return mask

    def _attend(
        self,
        query: Tensor,
        key: Tensor,
        value: Tensor,
        mask: Tensor | None,
        *,
        folding: Folding,
        offset: Any,
        is_aligned: bool,
        causal: bool,
        window: Window,
        segment_ids: Any,
        training: bool | None,
        return_attention_scores: bool,
    ) -> tuple[Tensor, Tensor | None]:
        """Run the kernel, or all scores at once where it cannot do the call.

        Args:
            query: projected and rotated.
            key: likewise.
            value: projected.
            mask: boolean, of as many axes as the scores.
            folding: that of `query` and `key`.
            offset: position of the first query among the keys.
            is_aligned: whether queries and keys are known to be equally many.
            causal: as in the kernel.
            window: likewise.
            segment_ids: likewise.
            training: whether dropout acts.
            return_attention_scores: whether scores are needed.

        Returns:
            The output, and scores where they were computed.
        """
        options: dict[str, Any] = {
            "causal": causal,
            "window": window,
            "logit_softcap": self.logit_softcap,
            "segment_ids": segment_ids,
            "bias": self._bias(query, key, offset, causal),
        }
        scope = current_scope()
        drops = self.dropout > 0 and bool(training)
        reads_cache = scope is not None and not scope.is_new
        has_positions = causal or window is not None
        obstacle = self._obstacle(query, return_attention_scores, has_positions, is_aligned)
        if self.flash_attention and obstacle and scope is None:
            raise ValueError(f"{self.name}: flash_attention=True, but the kernel {obstacle}")
        is_plain = self.flash_attention is False or obstacle is not None or reads_cache
        if drops and self.flash_attention is None:
            backend = keras.backend.backend()
            is_plain |= prefers_backend_dropout(query.shape[1], key.shape[1], backend)
        if is_plain:
            output, scores = plain_attention(
                *folding.fold(query, key, value),
                mask=folding.fold_mask(mask),
                offset=offset,
                dropout=self._drop if drops else None,
                return_scores=True,
                **options,
            )
            return folding.unfold(output), folding.unfold_scores(scores)
        if drops:
            options["dropout_rate"] = self.dropout
            options["seed"] = self.dropout_layer.seed_generator.next()
        return blockwise_attention(query, key, value, mask=mask, **options), None

    def _obstacle(
        self, query: Tensor, return_attention_scores: bool, has_positions: bool, is_aligned: bool
    ) -> str | None:
        """Say what the kernel cannot do of a call; None if it can do all."""
        if return_attention_scores:
            return "gives no scores"
        if self.axes != (1,) or len(query.shape) != 4:
            shape = "(batch, time, channels)"
            return f"attends over axis 1 of inputs {shape} only; received axes {self.axes}"
        if has_positions and not is_aligned:
            return "needs a query as long as the value where it is causal or has a window"
        return None

    def _drop(self, weights: Tensor) -> Tensor:
        return ops.cast(self.dropout_layer(weights, training=True), weights.dtype)

    def _with_positions(self, heads: Tensor) -> Tensor:
        """Rotate queries or keys by their positions, in their dtype whatever that of `rotary`."""
        positions = first_position() + ops.arange(ops.shape(heads)[1])
        return ops.cast(self.rotary(heads, positions=positions), heads.dtype)

    def _bias(self, query: Tensor, key: Tensor, offset: Any, causal: bool) -> Tensor | None:
        """ALiBi, `(1, heads, query time or 1, key time)`, float32."""
        if not self.alibi:
            return None
        slopes = ops.convert_to_tensor(alibi_slopes(self.heads)[:, None, None])
        key_positions = ops.arange(ops.shape(key)[1])[None]
        if causal:
            # Over the keys a query sees, -slope * (i - j) is slope * j plus a constant, which
            # softmax cancels. That saves an array of query time by key time.
            distance = -key_positions
        else:
            query_positions = offset + ops.arange(ops.shape(query)[1])[:, None]
            distance = ops.abs(query_positions - key_positions)
        return -(slopes * ops.cast(distance, "float32"))[None]

    def _check_step(self, use_causal_mask: bool, **arguments: bool) -> None:
        """Raise unless this call can be one of many steps with a cache."""
        if not use_causal_mask:
            raise ValueError(
                f"{self.name}: a cache needs use_causal_mask=True; otherwise later positions would "
                "change the outputs of earlier ones"
            )
        for name, is_given in arguments.items():
            if is_given:
                raise ValueError(f"{self.name} does not take {name} when called with a cache")
        self._check_axes("a cache")

    def _check_axes(self, name: str) -> None:
        if self.axes != (1,):
            raise ValueError(
                f"{self.name}: {name} needs attention over axis 1 alone; received "
                f"attention_axes={self.axes}"
            )

    def _check_shapes(self, query: Shape, value: Shape, key: Shape | None) -> None:
        if key is not None and tuple(key[1:-1]) != tuple(value[1:-1]):
            raise ValueError(
                f"{self.name}: key and value must agree in all axes but the last; received shapes "
                f"key {tuple(key)} and value {tuple(value)}"
            )

    def compute_output_shape(
        self, query_shape: Shape, value_shape: Shape, key_shape: Shape | None = None
    ) -> Shape:
        self._check_shapes(query_shape, value_shape, key_shape)
        return (*query_shape[:-1], *(self.output_size or query_shape[-1:]))

    def compute_output_spec(
        self,
        query: Any,
        value: Any,
        key: Any = None,
        query_mask: Any = None,
        value_mask: Any = None,
        key_mask: Any = None,
        attention_mask: Any = None,
        return_attention_scores: bool = False,
        training: bool | None = None,
        use_causal_mask: bool = False,
        segment_ids: Any = None,
    ) -> Any:
        shape = self.compute_output_shape(query.shape, value.shape, getattr(key, "shape", None))
        output = keras.KerasTensor(shape, self.compute_dtype)
        if not return_attention_scores:
            return output
        axes = [axis - 1 for axis in self.axes]
        batch = [size for axis, size in enumerate(query.shape[1:-1]) if axis not in axes]
        pairs = [shape[axis + 1] for shape in (query.shape, value.shape) for axis in axes]
        scores = (query.shape[0], *batch, self.heads, *pairs)
        return output, keras.KerasTensor(scores, self.compute_dtype)

    def get_config(self) -> dict[str, Any]:
        config = {
            "dropout": self.dropout,
            "use_bias": self.use_bias,
            "sliding_window": self.sliding_window,
            "flash_attention": self.flash_attention,
            "activity_regularizer": regularizers.serialize(self.projection_regularizer),
            "use_gate": self.use_gate,
            "seed": self.seed,
            "alibi": self.alibi,
            "logit_softcap": self.logit_softcap,
            "rotary": None
            if self.rotary is None
            else keras.saving.serialize_keras_object(self.rotary),
        }
        for part in ("kernel", "bias"):
            for kind, module in SERIALIZERS.items():
                config[f"{part}_{kind}"] = module.serialize(getattr(self, f"{part}_{kind}"))
        return {**super().get_config(), **config}


def _as_bool(mask: Tensor | None) -> Tensor | None:
    return None if mask is None else ops.cast(mask, "bool")


def _both(mask: Tensor | None, other: Tensor | None) -> Tensor | None:
    """Combine two masks; either may be `None`."""
    if mask is None or other is None:
        return other if mask is None else mask
    return ops.logical_and(mask, other)
