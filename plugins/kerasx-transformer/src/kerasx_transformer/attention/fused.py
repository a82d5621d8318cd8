"""Fused attention of the backends' vendors."""

from __future__ import annotations

from typing import Any

from kerasx_transformer.attention.options import Options

Tensor = Any


def cudnn(query: Tensor, key: Tensor, value: Tensor, options: Options) -> Tensor:
    """Run cuDNN's attention on JAX."""
    import jax

    left, _ = options.sides
    return jax.nn.dot_product_attention(
        query,
        key,
        value,
        scale=options.scale,
        is_causal=options.causal,
        local_window_size=None if left is None else (left, 0),
        implementation="cudnn",
    )


def sdpa(
    query: Tensor, key: Tensor, value: Tensor, mask: Tensor | None, options: Options
) -> Tensor:
    """Run PyTorch's attention."""
    import torch

    query, key, value = (torch.transpose(x, 1, 2) for x in (query, key, value))
    output = torch.nn.functional.scaled_dot_product_attention(
        query,
        key,
        value,
        attn_mask=mask,
        is_causal=options.causal,
        scale=options.scale,
        enable_gqa=query.shape[1] != key.shape[1],
    )
    return torch.transpose(output, 1, 2)
