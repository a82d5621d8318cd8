"""KerasHub's layers as a plugin; kerasx-transformer has a RotaryEmbedding too."""

from kerasx import hookimpl


@hookimpl
def kerasx_layers():
    return [
        "keras_hub.layers:RotaryEmbedding",
        "keras_hub.layers:SinePositionEncoding",
        "keras_hub.layers:TransformerEncoder",
    ]


@hookimpl
def kerasx_cases():
    from keras_hub.layers import SinePositionEncoding, TransformerEncoder

    from kerasx.testing import Case, tensors

    def inputs(batch, time):
        return tensors((batch, time, 4))

    heads = {"intermediate_dim": 4, "num_heads": 2}
    return [Case(SinePositionEncoding, inputs), Case(TransformerEncoder, inputs, arguments=heads)]
