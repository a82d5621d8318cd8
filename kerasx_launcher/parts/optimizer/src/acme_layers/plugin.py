import kerasx

from acme_layers.optimizers import AdaBelief


@kerasx.hookimpl
def kerasx_optimizers() -> list:
    """Contribute the optimizers."""
    return [AdaBelief]
