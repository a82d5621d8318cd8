"""keras-tcn as a plugin."""

from kerasx import hookimpl


@hookimpl
def kerasx_layers():
    from tcn import TCN

    return [TCN]


@hookimpl
def kerasx_cases():
    from tcn import TCN

    from kerasx.testing import Case, tensors

    return [
        Case(
            TCN,
            lambda batch, time, channels: tensors((batch, time, channels)),
            arguments={"nb_filters": 4, "dilations": [1, 2]},
            varies=("batch",),
            backends=("tensorflow",),
        )
    ]
