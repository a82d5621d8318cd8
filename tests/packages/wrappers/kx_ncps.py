"""ncps as a plugin."""

from kerasx import hookimpl


@hookimpl
def kerasx_layers():
    return ["ncps.keras:LTC", "ncps.keras:CfC"]


@hookimpl
def kerasx_cases():
    from ncps.keras import LTC, CfC

    from kerasx.testing import Case, tensors

    def inputs(batch, time, channels):
        return tensors((batch, time, channels))

    return [Case(layer, inputs, arguments={"units": 4}, varies=("batch",)) for layer in (LTC, CfC)]
