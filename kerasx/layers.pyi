"""Layers that plugins contribute. Written by ``kerasx stubs``."""

import typing

if typing.TYPE_CHECKING:
    from kerasx_sequence.cells import LayerNormLSTMCell as LayerNormLSTMCell
    from kerasx_sequence.cells import LayerNormSimpleRNNCell as LayerNormSimpleRNNCell
    from kerasx_sequence.cells import NASCell as NASCell
    from kerasx_sequence.cells import PeepholeLSTMCell as PeepholeLSTMCell
    from kerasx_sequence.cells import ZoneoutLSTMCell as ZoneoutLSTMCell
    from kerasx_sequence.crf_layer import CRF as CRF
    from kerasx_sequence.echo_state import ESN as ESN
    from kerasx_sequence.echo_state import ESNCell as ESNCell
    from kerasx_sequence.lru import LRU as LRU
    from kerasx_sequence.lru import LRUCell as LRUCell
    from kerasx_sequence.lru import RGLRU as RGLRU
    from kerasx_sequence.lru import RGLRUCell as RGLRUCell
    from kerasx_sequence.minimal_gates import MinGRU as MinGRU
    from kerasx_sequence.minimal_gates import MinGRUCell as MinGRUCell
    from kerasx_sequence.minimal_gates import MinLSTM as MinLSTM
    from kerasx_sequence.minimal_gates import MinLSTMCell as MinLSTMCell
    from kerasx_sequence.selective_ssm import SelectiveSSM as SelectiveSSM
    from kerasx_sequence.selective_ssm import SelectiveSSMCell as SelectiveSSMCell
    from kerasx_transformer.alibi import ALiBi as ALiBi
    from kerasx_transformer.gated import GeGLU as GeGLU
    from kerasx_transformer.gated import SwiGLU as SwiGLU
    from kerasx_transformer.language_model_head import LanguageModelHead as LanguageModelHead
    from kerasx_transformer.multi_head_attention import GroupedQueryAttention as GroupedQueryAttention
    from kerasx_transformer.multi_head_attention import MultiHeadAttention as MultiHeadAttention
    from kerasx_transformer.rotary import RotaryEmbedding as RotaryEmbedding

def __getattr__(name: str) -> typing.Any: ...
