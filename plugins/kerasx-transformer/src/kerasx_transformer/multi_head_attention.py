"""The attention layers: two sets of arguments for one mechanism.

They take the arguments and the weights of Keras's `MultiHeadAttention` and `GroupQueryAttention`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from kerasx.authoring import check_argument, check_positive_integers
from kerasx_transformer.projected_attention import ProjectedAttention, Shape


class MultiHeadAttention(ProjectedAttention):
    """Multi-head attention in memory linear in length: Keras's, with positions and a cache.

    `softmax(Q K^T / sqrt(key_dim)) V` per head, with `Q`, `K` and `V` linear in `query`, `key` and
    `value`; an output projection mixes the heads' results. The layer takes the arguments and
    weights of `keras.layers.MultiHeadAttention` (`ours.set_weights(theirs.get_weights())`), and
    computes with `kerasx.kernels.blockwise_attention`, which never holds all scores. It holds them
    if you ask for them, if it attends over other axes than the second, and, on PyTorch, if dropout
    acts on up to 4,096 positions.

    Within a `kerasx_transformer.CacheScope` it keeps keys and values for the next call, which is
    how `kerasx_transformer.generate` runs models. Calls there need `use_causal_mask=True`.

    A subclass may override `_compute_attention`, as for Keras's layer. It gets the projected,
    rotated query, key and value, and everything that hides keys in `attention_mask`, and returns
    the output and the scores. Only `super()._compute_attention` applies dropout, `logit_softcap`
    and `alibi`.

    From: Vaswani et al. 2017, Attention Is All You Need, section 3.2; rotary positions, Su et al.
    2021 (RoFormer); ALiBi, Press, Smith & Lewis 2022; gates, Qiu et al. 2025 (Gated Attention for
    Large Language Models); soft cap, Gemma Team 2024 (Gemma 2), section 2.

    Args:
        num_heads: number of heads.
        key_dim: size of each head for query and key.
        value_dim: size of each head for value; `key_dim` by default.
        dropout: probability with which training drops a weight. Draws follow from `seed`; each
            example, head, query and key draws by itself.
        use_bias: whether the projections have biases.
        output_shape: size of the output, or sizes; by default that of the query.
        attention_axes: axes of the query over which the layer attends; by default all but the first
            and the last.
        **kwargs: the arguments below, and those of every layer, such as `name` and `dtype`.
        sliding_window: a query sees keys at a distance below this; with `use_causal_mask`, it sees
            this many keys, itself included. Or a pair `(left, right)`: the query at position i sees
            keys from `i - left` to `i + right`, and `None` is for all on that side. `None` for all.
        flash_attention: `None` for the kernel wherever it can do the call, `False` for all scores
            at once always, `True` to raise where the kernel cannot do the call.
        kernel_initializer: initializer of the projections' kernels; `"glorot_uniform"` by default.
        bias_initializer: initializer of their biases; `"zeros"` by default.
        kernel_regularizer: regularizer of their kernels.
        bias_regularizer: regularizer of their biases.
        activity_regularizer: regularizer of their outputs.
        kernel_constraint: constraint on their kernels.
        bias_constraint: constraint on their biases.
        use_gate: whether a sigmoid of a projection of the query multiplies the heads' results.
        seed: seed of the dropout.
        rotary: `True` or a `RotaryEmbedding`: rotates queries and keys by their positions.
        alibi: whether scores fade with distance, by `alibi_slopes`.
        logit_softcap: bound of the scores, or `None`: a score `s` becomes
            `logit_softcap * tanh(s / logit_softcap)`.

    Call arguments:
        query: `(batch, query time, channels)`; more axes in between are allowed.
        value: `(batch, key time, channels)`.
        key: `(batch, key time, channels)`; `value` by default.
        query_mask: boolean `(batch, query time)`. It passes on with the output; ignore the outputs
            of masked queries.
        value_mask: boolean `(batch, key time)`: masked values are not attended to.
        key_mask: boolean `(batch, key time)`, likewise. Keras fills in these three from the masks
            that tensors carry.
        attention_mask: boolean `(batch, query time, key time)`, or with an axis of heads after the
            first: which keys each query may see.
        return_attention_scores: whether to return the scores as well.
        training: whether dropout acts.
        use_causal_mask: whether a query sees only keys up to its own position.
        segment_ids: integers `(batch, time)`, or a pair for query and value: a query sees keys of
            its own segment only. Use it for several texts packed into one row. Rotary positions
            then count from the start of the row, which changes no score within a segment.

    Output shape:
        `(batch, query time, channels)`, of zeros before the output projection where a query may see
        no key; and, if asked for, scores `(batch, num_heads, query time, key time)`.

    Raises:
        ValueError: an argument is out of range; key and value differ in length; or a call within a
            `CacheScope` asks for something that a cache cannot do.
        TypeError: a subclass overrides another method of Keras's layer that this one never calls,
            such as `_compute_attention_mask`.

    Example:
    >>> import keras, kerasx
    >>> layer = kerasx.layers.MultiHeadAttention(num_heads=4, key_dim=8, rotary=True)
    >>> x = keras.ops.ones((2, 5, 32))
    >>> tuple(layer(x, x, use_causal_mask=True).shape)
    (2, 5, 32)

    Queries and keys of unit length:

    >>> class CosineAttention(kerasx.layers.MultiHeadAttention):
    ...     def _compute_attention(self, query, key, value, *args, **kwargs):
    ...         query, key = keras.ops.normalize(query), keras.ops.normalize(key)
    ...         return super()._compute_attention(query, key, value, *args, **kwargs)
    >>> tuple(CosineAttention(4, 8)(x, x).shape)
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
        **kwargs: Any,
    ) -> None:
        value_size = key_dim if value_dim is None else value_dim
        check_positive_integers(
            "MultiHeadAttention", num_heads=num_heads, key_dim=key_dim, value_dim=value_size
        )
        super().__init__(
            heads=num_heads,
            key_value_heads=num_heads,
            key_size=key_dim,
            value_size=value_size,
            output_size=_axes("output_shape", output_shape),
            attention_axes=_axes("attention_axes", attention_axes),
            dropout=dropout,
            use_bias=use_bias,
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

    Like `MultiHeadAttention`, but with fewer heads for keys and values than for queries. Each
    serves `num_query_heads / num_key_value_heads` heads of the queries, and the cache is smaller by
    that factor; one of them makes it multi-query attention. The layer takes the arguments and
    weights of `keras.layers.GroupQueryAttention`. A subclass's `_compute_attention` gets keys and
    values with as many heads as the queries have, as in Keras's layer.

    From: Ainslie et al. 2023, GQA: Training Generalized Multi-Query Transformer Models from
    Multi-Head Checkpoints, section 2.2.

    Args:
        head_dim: size of each head.
        num_query_heads: number of heads for queries, a multiple of `num_key_value_heads`.
        num_key_value_heads: number of heads for keys and values.
        dropout: probability with which training drops a weight.
        use_bias: whether the projections have biases.
        **kwargs: `sliding_window`, `flash_attention`, `kernel_initializer`, `bias_initializer`,
            `kernel_regularizer`, `bias_regularizer`, `activity_regularizer`, `kernel_constraint`,
            `bias_constraint`, `use_gate`, `seed`, `rotary`, `alibi` and `logit_softcap`, as in
            `MultiHeadAttention`, and the arguments of every layer.

    Call arguments:
        query: `(batch, query time, channels)`.
        value: `(batch, key time, channels)`.
        key, query_mask, value_mask, key_mask, attention_mask, return_attention_scores, training,
            use_causal_mask, segment_ids: as in `MultiHeadAttention`.

    Output shape:
        `(batch, query time, channels)`, and, if asked for, scores
        `(batch, num_query_heads, query time, key time)`.

    Raises:
        ValueError: an argument is out of range; key and value differ in length; an input has not
            three axes; or a call within a `CacheScope` asks for something that a cache cannot do.

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
        **kwargs: Any,
    ) -> None:
        name = "GroupedQueryAttention"
        check_positive_integers(
            name,
            head_dim=head_dim,
            num_query_heads=num_query_heads,
            num_key_value_heads=num_key_value_heads,
        )
        check_argument(
            name,
            "num_query_heads",
            num_query_heads,
            num_query_heads % num_key_value_heads == 0,
            f"a multiple of num_key_value_heads={num_key_value_heads}",
        )
        super().__init__(
            heads=num_query_heads,
            key_value_heads=num_key_value_heads,
            key_size=head_dim,
            value_size=head_dim,
            dropout=dropout,
            use_bias=use_bias,
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


def _axes(name: str, value: int | Sequence[int] | None) -> tuple[int, ...] | None:
    if value is None or isinstance(value, int):
        return None if value is None else (value,)
    valid = isinstance(value, list | tuple) and all(isinstance(axis, int) for axis in value)
    check_argument("MultiHeadAttention", name, value, valid, "an integer or a tuple of integers")
    return tuple(value)
