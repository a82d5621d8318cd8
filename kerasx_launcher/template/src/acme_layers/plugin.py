"""The contributions of this package to kerasx."""

import kerasx

from acme_layers.kernels import charbonnier
from acme_layers.layers import LayerScale
from acme_layers.losses import Charbonnier
from acme_layers.metrics import PeakSignalToNoiseRatio


@kerasx.hookimpl
def kerasx_layers() -> list:
    """Contribute the layers."""
    return [LayerScale]


@kerasx.hookimpl
def kerasx_losses() -> list:
    """Contribute the losses."""
    return [Charbonnier]


@kerasx.hookimpl
def kerasx_metrics() -> list:
    """Contribute the metrics."""
    return [PeakSignalToNoiseRatio]


@kerasx.hookimpl
def kerasx_kernels() -> list:
    """Contribute the kernels."""
    return [charbonnier]


@kerasx.hookimpl
def kerasx_cases() -> list:
    """Say how the contract exercises each of them."""
    from acme_layers.cases import CASES

    return CASES
