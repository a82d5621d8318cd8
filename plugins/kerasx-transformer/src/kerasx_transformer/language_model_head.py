"""Output layer of a language model: from features to a logit for each word of the vocabulary."""

from __future__ import annotations

from typing import Any

import keras
from keras import ops

from kerasx.authoring import check_argument, is_integer
from kerasx_transformer.projection import Projection


class LanguageModelHead(keras.layers.Layer):
    """Output layer of a language model, which lets `LinearCrossEntropy` avoid the logits.

    `logits = features @ kernel + bias`, and with a soft cap `c * tanh(logits / c)`. The weights are
    the layer's own or, if you pass an embedding, that embedding's (tied weights: Press and Wolf,
    "Using the Output Embedding to Improve Language Models", 2017; the soft cap: Gemma Team,
    "Gemma 2", 2024, section 2).

    The layer returns the logits, so `predict`, `generate` and any loss work as with `Dense`. It
    also attaches the features and weights to them, from which `LinearCrossEntropy`, `Perplexity`
    and `TokenAccuracy` compute chunk by chunk. A compiled training step then never holds the logits
    `(batch, time, vocabulary)`: nothing reads them, so the compiler drops their computation. If
    anything else reads them, such as another metric, the step does hold them. Eager code, which is
    PyTorch's default and `run_eagerly=True`, computes them once, without a gradient, and holds them
    until the step ends.

    Keras's `ReversibleEmbedding` ties weights too, but has no such loss.

    Args:
        vocabulary_size: number of words; may be left out if `embedding` is given.
        embedding: a `keras.layers.Embedding` of the model, whose weights are used, transposed, and
            are saved once. `keras.models.clone_model` copies each layer by itself and so unties
            them, as with any layer that holds another; build such a model again instead.
        use_bias: whether to add a bias to the logits.
        logit_softcap: a positive bound of the logits, or `None`.
        kernel_initializer: initializer of the layer's own weights.
        bias_initializer: initializer of the bias.
        **kwargs: arguments of `keras.layers.Layer`.

    Input shape: `(..., d)`. A mask passes on to the logits, where the loss finds it.

    Output shape: `(..., vocabulary_size)`.

    Raises:
        TypeError: `embedding` is not an `Embedding`.
        ValueError: sizes do not match, an argument is out of range, or the embedding is quantized.

    Example:
    >>> import keras, kerasx
    >>> tokens = keras.Input((None,), dtype="int32")
    >>> embedding = keras.layers.Embedding(50, 8)
    >>> features = keras.layers.GRU(8, return_sequences=True)(embedding(tokens))
    >>> logits = kerasx.layers.LanguageModelHead(embedding=embedding)(features)
    >>> model = keras.Model(tokens, logits)
    >>> model.compile(
    ...     "adam", kerasx.losses.LinearCrossEntropy(), metrics=[kerasx.metrics.Perplexity()]
    ... )
    >>> model.output_shape
    (None, None, 50)
    """

    def __init__(
        self,
        vocabulary_size: int | None = None,
        *,
        embedding: keras.layers.Embedding | None = None,
        use_bias: bool = False,
        logit_softcap: float | None = None,
        kernel_initializer: Any = "glorot_uniform",
        bias_initializer: Any = "zeros",
        **kwargs: Any,
    ):
        super().__init__(**kwargs)
        if embedding is not None and not isinstance(embedding, keras.layers.Embedding):
            raise TypeError(
                f"{self.name}: embedding must be a keras.layers.Embedding; received {embedding!r}"
            )
        if vocabulary_size is None and embedding is not None:
            vocabulary_size = embedding.input_dim
        check_argument(
            self.name,
            "vocabulary_size",
            vocabulary_size,
            is_integer(vocabulary_size, 1),
            "a positive integer, or embedding must be given",
        )
        if embedding is not None and embedding.input_dim != vocabulary_size:
            raise ValueError(
                f"{self.name}: vocabulary_size is {vocabulary_size}, but the embedding has "
                f"{embedding.input_dim} words"
            )
        valid = logit_softcap is None or logit_softcap > 0
        check_argument(
            self.name, "logit_softcap", logit_softcap, valid, "a positive number or None"
        )
        self.vocabulary_size = vocabulary_size
        self.embedding = embedding
        self.use_bias = use_bias
        self.logit_softcap = logit_softcap
        self.kernel_initializer = keras.initializers.get(kernel_initializer)
        self.bias_initializer = keras.initializers.get(bias_initializer)
        self.supports_masking = True

    def build(self, input_shape: tuple[int | None, ...]) -> None:
        size = input_shape[-1]
        if size is None:
            raise ValueError(
                f"{self.name}: the last axis of the features must have a size; received the shape "
                f"{tuple(input_shape)}"
            )
        if self.embedding is None:
            self.kernel = self.add_weight(
                (size, self.vocabulary_size), self.kernel_initializer, name="kernel"
            )
        elif self.embedding.output_dim != size:
            raise ValueError(
                f"{self.name}: the features have {size} channels, shape {tuple(input_shape)}; the "
                f"embedding has {self.embedding.output_dim}. Project the features to that size"
            )
        elif not self.embedding.built:
            self.embedding.build()
        self.bias = (
            self.add_weight((self.vocabulary_size,), self.bias_initializer, name="bias")
            if self.use_bias
            else None
        )

    def call(self, inputs: Any, mask: Any = None) -> Any:
        weight = ops.cast(self._weight(), self.compute_dtype)
        bias = None if self.bias is None else ops.cast(self.bias, self.compute_dtype)
        projection = Projection(inputs, weight, bias, self.logit_softcap, mask)
        logits = projection.logits(inputs)
        projection.attach(logits)
        return logits

    def _weight(self) -> Any:
        if self.embedding is None:
            return self.kernel
        if self.embedding.quantization_mode is not None:
            raise ValueError(
                f"{self.name}: the embedding is quantized ({self.embedding.quantization_mode}); "
                "tied weights must be floating"
            )
        return ops.transpose(self.embedding.embeddings)

    def compute_output_shape(self, input_shape: tuple[int | None, ...]) -> tuple[int | None, ...]:
        return (*input_shape[:-1], self.vocabulary_size)

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "vocabulary_size": self.vocabulary_size,
            "embedding": keras.saving.serialize_keras_object(self.embedding),
            "use_bias": self.use_bias,
            "logit_softcap": self.logit_softcap,
            "kernel_initializer": keras.initializers.serialize(self.kernel_initializer),
            "bias_initializer": keras.initializers.serialize(self.bias_initializer),
        }

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> LanguageModelHead:
        embedding = keras.saving.deserialize_keras_object(config["embedding"])
        return cls(**{**config, "embedding": embedding})
