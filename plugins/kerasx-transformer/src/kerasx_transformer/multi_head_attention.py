"""Attention layers: projections, masks, positions and a cache around `blockwise_attention`.

One mechanism, `ProjectedAttention`, and two classes that differ in their arguments. They take the
arguments and the weights of Keras's `MultiHeadAttention` and `GroupQueryAttention`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from string import ascii_lowercase
from typing import Any

import keras
from keras import constraints, initializers, ops, regularizers

from kerasx_transformer.alibi import alibi_slopes
from kerasx_transformer.attention import blockwise_attention
from kerasx_transformer.cache import current_scope, first_position
from kerasx_transformer.initializers import anew
from kerasx_transformer.rotary import RotaryEmbedding

Tensor = Any
Shape = tuple[int | None, ...]
SERIALIZERS = {"initializer": initializers, "regularizer": regularizers, "constraint": constraints}


class ProjectedAttention(keras.layers.Layer):
    """Attention of several heads over projections of its inputs.

    A subclass names its arguments; `heads`, `key_value_heads`, `key_size`, `value_size` and
    `output_size` are what they come to.
    """

    def __init__(
        self,
        *,
        heads: int,
        key_value_heads: int,
        key_size: int,
        value_size: int,
        output_size: tuple[int, ...] | None = None,
        attention_axes: Sequence[int] | None = None,
        dropout: float,
        use_bias: bool,
        sliding_window: int | None,
        flash_attention: bool | None,
        kernel_initializer: Any,
        bias_initializer: Any,
        kernel_regularizer: Any,
        bias_regularizer: Any,
        activity_regularizer: Any,
        kernel_constraint: Any,
        bias_constraint: Any,
        use_gate: bool,
        seed: int | None,
        rotary: bool | RotaryEmbedding | Mapping[str, Any] | None,
        alibi: bool,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        if not 0 <= dropout < 1:
            raise ValueError(f"{self.name}: dropout must be from 0 to below 1; received {dropout}")
        if sliding_window is not None:
            positive(self.name, sliding_window=sliding_window)
        if flash_attention and dropout:
            raise ValueError(
                f"{self.name}: flash_attention=True needs dropout=0.0; received dropout={dropout}"
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
        # Not `dtype=self.dtype_policy` for a layer that is given: it may be shared.
        self.rotary = RotaryEmbedding(dtype=self.dtype_policy) if rotary is True else rotary or None

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
        outputs = self.output_size or query_shape[-1:]
        self.output_dense = self._projection("attention_output", mixed, outputs, bound=2)

    def _projection(
        self, name: str, shape: Shape, sizes: Sequence[int], bound: int = 1, **options: Any
    ) -> keras.layers.EinsumDense:
        """A dense layer from the last `bound` axes to axes of these sizes."""
        taken, made = ascii_lowercase[:bound], ascii_lowercase[bound : bound + len(sizes)]
        free = ascii_lowercase[-(len(shape) - bound) :]
        layer = keras.layers.EinsumDense(
            f"{free}{taken},{taken}{made}->{free}{made}",
            output_shape=[None] * (len(free) - 1) + list(sizes),
            bias_axes=made if self.use_bias else None,
            kernel_initializer=anew(self.kernel_initializer),
            bias_initializer=anew(self.bias_initializer),
            kernel_regularizer=self.kernel_regularizer,
            bias_regularizer=self.bias_regularizer,
            activity_regularizer=self.projection_regularizer,
            kernel_constraint=self.kernel_constraint,
            bias_constraint=self.bias_constraint,
            dtype=self.dtype_policy,
            name=name,
            **options,
        )
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
    ) -> Any:
        if use_causal_mask:
            self._check_axes("use_causal_mask")
        scope = current_scope()
        if scope is not None:
            self._check_step(attention_mask, return_attention_scores, use_causal_mask)
        # Keras counts both from the first position, the kernel from the last.
        aligned = query is value or query.shape[1] == value.shape[1] is not None
        gate = self.gate_dense(query) if self.use_gate else None
        query, key = self.query_dense(query), self.key_dense(value if key is None else key)
        value = self.value_dense(value)
        if self.rotary is not None:
            query, key = map(self._turned, (query, key))
        mask = _both(_as_bool(value_mask), _as_bool(key_mask))  # (batch, key time)
        start = 0
        if scope is not None:
            kept = scope.extend(key, value, *([] if mask is None else [mask]))
            if not scope.is_new:
                key, value, *masks = kept
                mask = masks[0] if masks else None
                start = scope.position
        rank = len(query.shape) - 1 + len(self.axes)  # of the scores
        mask = _both(
            self._with_heads(_as_bool(attention_mask), rank),
            self._with_heads(None if mask is None else mask[:, None], rank),
        )

        plain = (
            self.flash_attention is False
            or return_attention_scores
            or (self.dropout > 0 and training)
            or self.axes != (1,)
            or len(query.shape) != 4
            or ((use_causal_mask or self.sliding_window is not None) and not aligned)
            or (scope is not None and not scope.is_new)
        )
        if self.flash_attention and plain and scope is None:
            raise ValueError(
                f"{self.name}: flash_attention=True, but the kernel gives no scores, attends over "
                "axis 1 alone, and in causal or windowed calls needs a query as long as the value"
            )
        if plain:
            output, scores = self._plain(query, key, value, mask, start, use_causal_mask, training)
        else:
            output = blockwise_attention(
                query,
                key,
                value,
                causal=use_causal_mask,
                window=self.sliding_window,
                mask=mask,
                bias=self._bias(query, key, 0, use_causal_mask),
            )
        if gate is not None:
            output = output * gate
        output = self.output_dense(output)
        return (output, scores) if return_attention_scores else output

    def _turned(self, heads: Tensor) -> Tensor:
        """Queries or keys with rotary positions, in their dtype whatever that of `rotary`."""
        positions = first_position() + ops.arange(ops.shape(heads)[1])
        return ops.cast(self.rotary(heads, positions=positions), heads.dtype)

    def _plain(
        self,
        query: Tensor,
        key: Tensor,
        value: Tensor,
        mask: Tensor | None,
        start: int | Tensor,
        causal: bool,
        training: bool | None,
    ) -> tuple[Tensor, Tensor]:
        """Attention with its scores, over any axes, of queries that begin at position `start`."""
        rank, width = len(query.shape) - 2, len(self.axes)
        letters = ascii_lowercase[:rank]
        other = "".join(
            ascii_lowercase[rank + axis] if axis in self.axes else letter
            for axis, letter in enumerate(letters)
        )
        rest = "".join(letter for axis, letter in enumerate(letters) if axis not in self.axes)
        pairs = "".join(each[axis] for each in (letters, other) for axis in self.axes)
        product = f"{rest}xy{pairs}"
        groups = (self.key_value_heads, self.heads // self.key_value_heads)

        sizes = ops.shape(query)
        query = ops.reshape(query, (*sizes[:-2], *groups, sizes[-1]))
        query = query * ops.cast(self.key_size**-0.5, query.dtype)
        scores = ops.einsum(f"{letters}xyz,{other}xz->{product}", query, key)
        grouped = ops.shape(scores)
        place = rank - width  # where the heads are
        scores = ops.reshape(scores, (*grouped[:place], self.heads, *grouped[place + 2 :]))
        scores = ops.cast(scores, keras.backend.result_type(scores.dtype, "float32"))
        bias = self._bias(query, key, start, causal)
        if bias is not None:
            scores = scores + bias
        if causal or self.sliding_window is not None:
            near = self._near(query, key, start, causal)
            mask = _both(mask, self._with_heads(near, len(scores.shape)))
        over = tuple(range(len(scores.shape) - width, len(scores.shape)))
        over = over[0] if width == 1 else over  # of several, Keras must know the sizes
        if mask is None:
            scores = ops.softmax(scores, axis=over)
        else:
            scores = ops.softmax(ops.where(mask, scores, -1e30), axis=over)
            scores = ops.where(mask, scores, 0.0)  # where nothing is left to attend to
        scores = ops.cast(scores, self.compute_dtype)
        weights = self.dropout_layer(scores, training=training) if self.dropout else scores
        output = ops.einsum(
            f"{product},{other}xz->{letters}xyz", ops.reshape(weights, grouped), value
        )
        return ops.reshape(output, (*sizes[:-2], self.heads, self.value_size)), scores

    def _with_heads(self, mask: Tensor | None, rank: int) -> Tensor | None:
        """A mask with axes of size one before those of queries and keys, up to `rank` axes."""
        while mask is not None and len(mask.shape) < rank:
            mask = ops.expand_dims(mask, -2 * len(self.axes) - 1)
        return mask

    def _distance(self, query: Tensor, key: Tensor, start: int | Tensor) -> Tensor:
        """How far each key is behind each query: `(query time, key time)`."""
        positions = start + ops.arange(ops.shape(query)[1])
        return positions[:, None] - ops.arange(ops.shape(key)[1])

    def _near(self, query: Tensor, key: Tensor, start: int | Tensor, causal: bool) -> Tensor:
        """Which keys each query may see, by their positions: `(1, query time, key time)`."""
        distance = self._distance(query, key, start)
        near = ops.greater_equal(distance, 0) if causal else None
        if self.sliding_window is not None:
            near = _both(near, ops.less(ops.abs(distance), self.sliding_window))
        return near[None]

    def _bias(self, query: Tensor, key: Tensor, start: int | Tensor, causal: bool) -> Tensor | None:
        """ALiBi, `(1, heads, query time or 1, key time)`, float32."""
        if not self.alibi:
            return None
        slopes = ops.convert_to_tensor(alibi_slopes(self.heads)[:, None, None])
        if causal:
            # Over the keys a query sees, -slope * (i - j) is slope * j and a constant, which
            # softmax takes out: no array of query time by key time.
            distance = -ops.arange(ops.shape(key)[1])[None]
        else:
            distance = ops.abs(self._distance(query, key, start))
        return -(slopes * ops.cast(distance, "float32"))[None]

    def _check_step(
        self, attention_mask: Tensor | None, return_attention_scores: bool, use_causal_mask: bool
    ) -> None:
        """Raise unless this call can be one of many steps."""
        if not use_causal_mask:
            raise ValueError(
                f"{self.name} runs in steps, with a cache, only as use_causal_mask=True: otherwise "
                "later positions change what earlier ones gave"
            )
        if attention_mask is not None or return_attention_scores:
            name = "return_attention_scores" if attention_mask is None else "attention_mask"
            raise ValueError(f"{self.name} does not take {name} where it runs with a cache")
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
            "rotary": None
            if self.rotary is None
            else keras.saving.serialize_keras_object(self.rotary),
        }
        for part in ("kernel", "bias"):
            for what, module in SERIALIZERS.items():
                config[f"{part}_{what}"] = module.serialize(getattr(self, f"{part}_{what}"))
        return {**super().get_config(), **config}


class MultiHeadAttention(ProjectedAttention):
    """Multi-head attention in memory linear in length: Keras's, with positions and a cache.

    `softmax(Q K^T / sqrt(key_dim)) V` per head, with `Q`, `K` and `V` linear in `query`, `key` and
    `value`, and the heads' results mixed by an output projection. It takes the arguments and
    weights of `keras.layers.MultiHeadAttention` (`ours.set_weights(theirs.get_weights())`), and
    computes with `kerasx.kernels.blockwise_attention`, which never holds the scores. It computes
    them where they are asked for, where dropout acts on them, and over other axes than the second.

    Within a `kerasx_transformer.CacheScope` it keeps keys and values for the next call, which is
    how `kerasx_transformer.generate` runs models. Its calls need `use_causal_mask=True` there.

    From: Vaswani et al. 2017, Attention Is All You Need, section 3.2; rotary positions, Su et al.
    2021 (RoFormer); ALiBi, Press, Smith & Lewis 2022; gates, Qiu et al. 2025 (Gated Attention for
    Large Language Models).

    Args:
        num_heads: number of heads.
        key_dim: size of each head for query and key.
        value_dim: size of each head for value; `key_dim` by default.
        dropout: share of the scores that training drops.
        use_bias: whether the projections have biases.
        output_shape: size of the output, or sizes; by default that of the query.
        attention_axes: axes of the query over which it attends; by default all but the first and
            the last.
        sliding_window: a query sees keys at a distance below this; with `use_causal_mask`, the
            last so many. `None` for all.
        flash_attention: `None` for the kernel wherever it can do the call, `False` for the plain
            composition always, `True` to raise where the kernel cannot do the call.
        kernel_initializer: of the projections' kernels.
        bias_initializer: of their biases.
        kernel_regularizer: of their kernels.
        bias_regularizer: of their biases.
        activity_regularizer: of their outputs.
        kernel_constraint: of their kernels.
        bias_constraint: of their biases.
        use_gate: whether a sigmoid of a projection of the query multiplies the heads' results.
        seed: seed of the dropout.
        rotary: `True` or a `RotaryEmbedding`: turns queries and keys by their positions.
        alibi: whether scores fade with distance, by `alibi_slopes`.
        **kwargs: arguments of every layer, such as `name` and `dtype`.

    Call arguments:
        query: `(batch, query time, channels)`; more axes between are allowed.
        value: `(batch, key time, channels)`.
        key: `(batch, key time, channels)`; `value` by default.
        query_mask: boolean `(batch, query time)`. It goes on with the output; what comes out at
            masked queries means nothing.
        value_mask: boolean `(batch, key time)`: masked values are not attended to.
        key_mask: boolean `(batch, key time)`, likewise. Keras fills in these three from the masks
            that tensors carry.
        attention_mask: boolean `(batch, query time, key time)`, or with an axis of heads after the
            first: which keys each query may see.
        return_attention_scores: whether to return the scores as well.
        training: whether dropout acts.
        use_causal_mask: whether a query sees only keys up to its own position.

    Output shape:
        `(batch, query time, channels)`, of zeros before the output projection where a query may see
        no key; and, if asked for, scores `(batch, num_heads, query time, key time)`.

    Raises:
        ValueError: an argument is out of range; key and value differ in length; or it is called
            within a `CacheScope` with what a cache cannot do.

    Example:
    >>> import keras, kerasx
    >>> layer = kerasx.layers.MultiHeadAttention(num_heads=4, key_dim=8, rotary=True)
    >>> x = keras.ops.ones((2, 5, 32))
    >>> tuple(layer(x, x, use_causal_mask=True).shape)
    (2, 5, 32)
    """

    def __init__(
        self,
        num_heads: int,
        key_dim: int,
        value_dim: int | None = None,
        dropout: float = 0.0,
        use_bias: bool = True,
        output_shape: int | Sequence[int] | None = None,
        attention_axes: int | Sequence[int] | None = None,
        sliding_window: int | None = None,
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
        rotary: bool | RotaryEmbedding | None = None,
        alibi: bool = False,
        **kwargs: Any,
    ) -> None:
        value_size = key_dim if value_dim is None else value_dim
        positive("MultiHeadAttention", num_heads=num_heads, key_dim=key_dim, value_dim=value_size)
        super().__init__(
            heads=num_heads,
            key_value_heads=num_heads,
            key_size=key_dim,
            value_size=value_size,
            output_size=_axes("output_shape", output_shape),
            attention_axes=_axes("attention_axes", attention_axes),
            dropout=dropout,
            use_bias=use_bias,
            sliding_window=sliding_window,
            flash_attention=flash_attention,
            kernel_initializer=kernel_initializer,
            bias_initializer=bias_initializer,
            kernel_regularizer=kernel_regularizer,
            bias_regularizer=bias_regularizer,
            activity_regularizer=activity_regularizer,
            kernel_constraint=kernel_constraint,
            bias_constraint=bias_constraint,
            use_gate=use_gate,
            seed=seed,
            rotary=rotary,
            alibi=alibi,
            **kwargs,
        )
        self.num_heads = num_heads
        self.key_dim = key_dim
        self.value_dim = value_size

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "num_heads": self.num_heads,
            "key_dim": self.key_dim,
            "value_dim": self.value_dim,
            "output_shape": self.output_size,
            "attention_axes": self.attention_axes,
        }


class GroupedQueryAttention(ProjectedAttention):
    """Grouped-query attention in memory linear in length: Keras's, with positions and a cache.

    As `MultiHeadAttention`, with fewer heads for keys and values than for queries: each serves
    `num_query_heads / num_key_value_heads` of them, and the cache is smaller by that factor; with
    one it is multi-query attention. It takes the arguments and weights of
    `keras.layers.GroupQueryAttention`.

    From: Ainslie et al. 2023, GQA: Training Generalized Multi-Query Transformer Models from
    Multi-Head Checkpoints, section 2.2.

    Args:
        head_dim: size of each head.
        num_query_heads: number of heads for queries, a multiple of `num_key_value_heads`.
        num_key_value_heads: number of heads for keys and values.
        dropout: share of the scores that training drops.
        use_bias: whether the projections have biases.
        sliding_window: a query sees keys at a distance below this; with `use_causal_mask`, the
            last so many. `None` for all.
        flash_attention: `None` for the kernel wherever it can do the call, `False` for the plain
            composition always, `True` to raise where the kernel cannot do the call.
        kernel_initializer: of the projections' kernels.
        bias_initializer: of their biases.
        kernel_regularizer: of their kernels.
        bias_regularizer: of their biases.
        activity_regularizer: of their outputs.
        kernel_constraint: of their kernels.
        bias_constraint: of their biases.
        use_gate: whether a sigmoid of a projection of the query multiplies the heads' results.
        seed: seed of the dropout.
        rotary: `True` or a `RotaryEmbedding`: turns queries and keys by their positions.
        alibi: whether scores fade with distance, by `alibi_slopes`.
        **kwargs: arguments of every layer, such as `name` and `dtype`.

    Call arguments:
        query: `(batch, query time, channels)`.
        value: `(batch, key time, channels)`.
        key, query_mask, value_mask, key_mask, attention_mask, return_attention_scores, training,
            use_causal_mask: as in `MultiHeadAttention`.

    Output shape:
        `(batch, query time, channels)`, and, if asked for, scores
        `(batch, num_query_heads, query time, key time)`.

    Raises:
        ValueError: an argument is out of range; key and value differ in length; an input has not
            three axes; or it is called within a `CacheScope` with what a cache cannot do.

    Example:
    >>> import keras, kerasx
    >>> layer = kerasx.layers.GroupedQueryAttention(8, num_query_heads=4, num_key_value_heads=2)
    >>> x = keras.ops.ones((2, 5, 32))
    >>> tuple(layer(x, x, use_causal_mask=True).shape)
    (2, 5, 32)
    """

    def __init__(
        self,
        head_dim: int,
        num_query_heads: int,
        num_key_value_heads: int,
        dropout: float = 0.0,
        use_bias: bool = True,
        sliding_window: int | None = None,
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
        rotary: bool | RotaryEmbedding | None = None,
        alibi: bool = False,
        **kwargs: Any,
    ) -> None:
        positive(
            "GroupedQueryAttention",
            head_dim=head_dim,
            num_query_heads=num_query_heads,
            num_key_value_heads=num_key_value_heads,
        )
        if num_query_heads % num_key_value_heads:
            raise ValueError(
                "GroupedQueryAttention: num_query_heads must be a multiple of "
                f"num_key_value_heads={num_key_value_heads}; received {num_query_heads}"
            )
        super().__init__(
            heads=num_query_heads,
            key_value_heads=num_key_value_heads,
            key_size=head_dim,
            value_size=head_dim,
            dropout=dropout,
            use_bias=use_bias,
            sliding_window=sliding_window,
            flash_attention=flash_attention,
            kernel_initializer=kernel_initializer,
            bias_initializer=bias_initializer,
            kernel_regularizer=kernel_regularizer,
            bias_regularizer=bias_regularizer,
            activity_regularizer=activity_regularizer,
            kernel_constraint=kernel_constraint,
            bias_constraint=bias_constraint,
            use_gate=use_gate,
            seed=seed,
            rotary=rotary,
            alibi=alibi,
            **kwargs,
        )
        self.head_dim = head_dim
        self.num_query_heads = num_query_heads
        self.num_key_value_heads = num_key_value_heads

    def _check_shapes(self, query: Shape, value: Shape, key: Shape | None) -> None:
        super()._check_shapes(query, value, key)
        if len(query) != 3:
            raise ValueError(
                f"{self.name}: query must be (batch, time, channels); received shape {tuple(query)}"
            )

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "head_dim": self.head_dim,
            "num_query_heads": self.num_query_heads,
            "num_key_value_heads": self.num_key_value_heads,
        }


def positive(owner: str, **sizes: Any) -> None:
    """Raise ValueError unless these are positive integers."""
    for name, size in sizes.items():
        if not isinstance(size, int) or isinstance(size, bool) or size < 1:
            raise ValueError(f"{owner}: {name} must be a positive integer; received {size!r}")


def _axes(name: str, value: int | Sequence[int] | None) -> tuple[int, ...] | None:
    if value is None or isinstance(value, int):
        return None if value is None else (value,)
    if not isinstance(value, list | tuple) or not all(isinstance(each, int) for each in value):
        raise ValueError(
            f"MultiHeadAttention: {name} must be an integer or a tuple of integers; received "
            f"{value!r}"
        )
    return tuple(value)


def _as_bool(mask: Tensor | None) -> Tensor | None:
    return None if mask is None else ops.cast(mask, "bool")


def _both(one: Tensor | None, other: Tensor | None) -> Tensor | None:
    """Both masks at once; either may be `None`."""
    if one is None or other is None:
        return other if one is None else one
    return ops.logical_and(one, other)
