"""Kernels that plugins contribute. Written by ``kerasx stubs``."""

import typing

if typing.TYPE_CHECKING:
    from kerasx_metrics.kernels import top_class as top_class

def __getattr__(name: str) -> typing.Any: ...
