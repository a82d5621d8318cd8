"""Attention whose memory is linear in length: the kernel `blockwise_attention`.

Read `reference` first, which is the definition, then `blocks`, which is FlashAttention-2 over a
`tiling`. `routes` says which program runs.
"""

from __future__ import annotations

from typing import Any

import keras

import kerasx
from kerasx.compiler import compiled, device
from kerasx_transformer.attention import fused
from kerasx_transformer.attention.arguments import check_arguments
from kerasx_transformer.attention.blocks import attention_in_blocks
from kerasx_transformer.attention.options import Modifiers, Options, Window, as_pair
from kerasx_transformer.attention.reference import plain_attention
from kerasx_transformer.attention.routes import Call, choose

Tensor = Any


@kerasx.kernel(
    static=("causal", "window", "scale", "logit_softcap", "dropout_rate"),
    reference=plain_attention,
    shapes={
        "query": "batch query_time heads head_dim",
        "key": "batch key_time key_heads head_dim",
        "value": "batch key_time key_heads value_dim",
    },
    returns="batch query_time heads value_dim",
    composite=True,
)
def blockwise_attention(
    query: Tensor,
    key: Tensor,
    value: Tensor,
    *,
    causal: bool = False,
    window: Window = None,
    segment_ids: Tensor | tuple[Tensor, Tensor] | None = None,
    mask: Tensor | None = None,
    bias: Tensor | None = None,
    scale: float | None = None,
    logit_softcap: float | None = None,
    dropout_rate: float = 0.0,
    seed: Tensor | None = None,
) -> Tensor:
    """Attention whose memory grows with the length, not with its square.

    `softmax(mask(bias + softcap(scale * query key^T))) value`, where
    `softcap(x) = logit_softcap * tanh(x / logit_softcap)`, and a masked score is minus infinity. A
    query that may see no key gives zeros and passes no gradient. Scores and sums are float32 (or
    float64, if the inputs are). Blocks of keys that causality, the window, segments or the mask
    hide are skipped where they precede or follow everything that a block of queries sees.

    If `query_time` differs from `key_time`, the last query has the position of the last key, as
    when new queries follow what a cache holds: query i sees keys up to
    `i + key_time - query_time`.

    The backend's fused attention runs where it can do the call: cuDNN's on JAX with a GPU,
    `scaled_dot_product_attention` on PyTorch. Short sequences are computed with all scores at once.
    Gradients of gradients are not defined.

    Args:
        query: floating tensor `(batch, query_time, heads, head_dim)`.
        key: `(batch, key_time, key_heads, head_dim)`; `heads` is a multiple of `key_heads`, and
            query head h reads key head `h // (heads // key_heads)`. Keys are never repeated.
        value: `(batch, key_time, key_heads, value_dim)`.
        causal: whether queries see no keys at later positions.
        window: number of keys that a query sees, itself included, counted backwards, if `causal`;
            otherwise it sees keys less than `window` away on both sides. Mistral's sliding window.
            Or a pair `(left, right)`: the query at position i sees keys from `i - left` to
            `i + right`, as in FlashAttention's `window_size`; `None` is for all on that side. If
            `causal`, `right` counts as 0.
        segment_ids: integers `(batch, time)`, or a pair for queries and keys: a query sees keys of
            its own segment only. Use it for several texts packed into one row.
        mask: boolean, broadcastable to `(batch, heads, query_time, key_time)`; True where a query
            may see a key.
        bias: added to the scores, broadcastable likewise; its gradient has its shape. Give ALiBi's
            as `(1, heads, 1, key_time)`, slope times position of the key: a constant added to a row
            changes nothing.
        scale: factor of the scores; `1 / sqrt(head_dim)` by default.
        logit_softcap: bound of the scores, as in Gemma 2.
        dropout_rate: probability with which a weight is set to zero; the others are scaled up.
        seed: integers of any shape, at least one, required with `dropout_rate`. The same seed draws
            the same. `keras.random.SeedGenerator.next()` returns one.

    Returns:
        `(batch, query_time, heads, value_dim)`, in the dtype of `query`.

    Raises:
        TypeError: query, key or value is not floating.
        ValueError: shapes do not match, or an argument is out of range.

    Source: Dao, "FlashAttention-2" (2023); grouped heads: Ainslie et al., "GQA" (2023).

    Example:
    >>> import keras, kerasx
    >>> query = keras.random.normal((2, 6, 8, 16))
    >>> key = keras.random.normal((2, 6, 4, 16))
    >>> tuple(kerasx.kernels.blockwise_attention(query, key, key, causal=True, window=3).shape)
    (2, 6, 8, 16)
    """
    options = Options(causal, window, scale, logit_softcap, dropout_rate)
    if segment_ids is not None:
        segment_ids = as_pair(segment_ids)
    modifiers = Modifiers(segment_ids, mask, bias, seed)
    check_arguments(query, key, modifiers, options)
    given = [name for name, tensor in modifiers._asdict().items() if tensor is not None]
    dtype = keras.backend.standardize_dtype(query.dtype)
    call = Call(query.shape, key.shape, value.shape, dtype, options, given)
    route = choose(call, keras.backend.backend(), device())
    if route.name == "cudnn":
        return fused.cudnn(query, key, value, options)
    if route.name == "sdpa":
        return fused.sdpa(query, key, value, mask, options)
    if route.name == "plain":
        return _at_once(query, key, value, modifiers, options=options)
    return attention_in_blocks(query, key, value, modifiers, options)


@compiled(static=("options",))
def _at_once(
    query: Tensor, key: Tensor, value: Tensor, modifiers: Modifiers, *, options: Options
) -> Tensor:
    return plain_attention(query, key, value, **modifiers._asdict(), **vars(options))
