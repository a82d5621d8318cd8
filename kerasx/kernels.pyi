"""Kernels that plugins contribute. Written by ``kerasx stubs``."""

import typing

if typing.TYPE_CHECKING:
    from kerasx_metrics.kernels import top_class as top_class
    from kerasx_sequence.crf import crf_decode as crf_decode
    from kerasx_sequence.crf import crf_log_likelihood as crf_log_likelihood
    from kerasx_sequence.crf import crf_log_partition as crf_log_partition
    from kerasx_sequence.crf import crf_marginals as crf_marginals
    from kerasx_sequence.edit_distance import edit_counts as edit_counts
    from kerasx_sequence.edit_distance import edit_distance as edit_distance
    from kerasx_sequence.linear_recurrence import linear_recurrence as linear_recurrence
    from kerasx_sequence.selective_scan import selective_scan as selective_scan
    from kerasx_sequence.soft_dtw import soft_dtw as soft_dtw
    from kerasx_transformer.attention import blockwise_attention as blockwise_attention
    from kerasx_transformer.entmax import entmax as entmax
    from kerasx_transformer.entmax import entmax15 as entmax15
    from kerasx_transformer.gated import geglu as geglu
    from kerasx_transformer.gated import swiglu as swiglu
    from kerasx_transformer.linear_cross_entropy import linear_cross_entropy as linear_cross_entropy
    from kerasx_transformer.normalization import add_rms_norm as add_rms_norm
    from kerasx_transformer.rotary import rotary_embedding as rotary_embedding
    from kerasx_transformer.token_scores import linear_token_scores as linear_token_scores

def __getattr__(name: str) -> typing.Any: ...
