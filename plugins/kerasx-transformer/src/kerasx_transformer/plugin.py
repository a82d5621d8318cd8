"""Contributions of this package to kerasx."""

from __future__ import annotations

from typing import TYPE_CHECKING

import kerasx
from kerasx_transformer.alibi import ALiBi
from kerasx_transformer.attention import blockwise_attention
from kerasx_transformer.entmax import entmax, entmax15
from kerasx_transformer.gated import GeGLU, SwiGLU, geglu, swiglu
from kerasx_transformer.language_model_head import LanguageModelHead
from kerasx_transformer.linear_cross_entropy import linear_cross_entropy
from kerasx_transformer.losses import LinearCrossEntropy
from kerasx_transformer.metrics import Perplexity, TokenAccuracy
from kerasx_transformer.multi_head_attention import GroupedQueryAttention, MultiHeadAttention
from kerasx_transformer.normalization import add_rms_norm
from kerasx_transformer.rotary import RotaryEmbedding, rotary_embedding
from kerasx_transformer.token_scores import linear_token_scores

if TYPE_CHECKING:
    from kerasx.testing import Case

KERNELS = [
    add_rms_norm,
    blockwise_attention,
    entmax,
    entmax15,
    geglu,
    linear_cross_entropy,
    linear_token_scores,
    rotary_embedding,
    swiglu,
]

LAYERS = [
    ALiBi,
    GeGLU,
    GroupedQueryAttention,
    LanguageModelHead,
    MultiHeadAttention,
    RotaryEmbedding,
    SwiGLU,
]


@kerasx.hookimpl
def kerasx_kernels() -> list:
    """Contribute the kernels."""
    return KERNELS


@kerasx.hookimpl
def kerasx_layers() -> list:
    """Contribute the layers."""
    return LAYERS


@kerasx.hookimpl
def kerasx_losses() -> list:
    """Contribute the loss that avoids the logits."""
    return [LinearCrossEntropy]


@kerasx.hookimpl
def kerasx_metrics() -> list:
    """Contribute the metrics of tokens."""
    return [Perplexity, TokenAccuracy]


@kerasx.hookimpl
def kerasx_cases() -> list[Case]:
    """Return the cases with which the contract exercises them."""
    from kerasx_transformer.cases import CASES

    return CASES
