"""Callbacks that plugins contribute. Written by ``kerasx stubs``."""

import typing

if typing.TYPE_CHECKING:
    from kerasx_metrics.result_history import ResultHistory as ResultHistory

def __getattr__(name: str) -> typing.Any: ...
