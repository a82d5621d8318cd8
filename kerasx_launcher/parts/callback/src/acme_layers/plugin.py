import kerasx

from acme_layers.callbacks import StopAtTarget


@kerasx.hookimpl
def kerasx_callbacks() -> list:
    """Contribute the callbacks."""
    return [StopAtTarget]
