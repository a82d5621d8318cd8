"""Losses that plugins contribute. Written by ``kerasx stubs``."""

import typing

if typing.TYPE_CHECKING:
    from kerasx_losses.class_weighted import ClassWeighted as ClassWeighted
    from kerasx_sequence.losses import CRFLoss as CRFLoss
    from kerasx_sequence.soft_dtw import SoftDTW as SoftDTW
    from kerasx_transformer.losses import LinearCrossEntropy as LinearCrossEntropy

def __getattr__(name: str) -> typing.Any: ...
