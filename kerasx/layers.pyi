"""Layers that plugins contribute. Written by ``kerasx stubs``."""

import typing

if typing.TYPE_CHECKING:
    from kerasx_transformer.alibi import ALiBi as ALiBi
    from kerasx_transformer.gated import GeGLU as GeGLU
    from kerasx_transformer.gated import SwiGLU as SwiGLU
    from kerasx_transformer.language_model_head import LanguageModelHead as LanguageModelHead
    from kerasx_transformer.multi_head_attention import GroupedQueryAttention as GroupedQueryAttention
    from kerasx_transformer.multi_head_attention import MultiHeadAttention as MultiHeadAttention
    from kerasx_transformer.rotary import RotaryEmbedding as RotaryEmbedding

def __getattr__(name: str) -> typing.Any: ...
