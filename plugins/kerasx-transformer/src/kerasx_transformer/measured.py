"""How long each kernel takes compiled and not: what decides whether it is compiled.

Forward and backward, by `kerasx.policy.measure`.
"""

from __future__ import annotations

from kerasx.policy import Measured

ENVIRONMENT = "2 x x86_64, TensorFlow 2.21.0, Keras 3.15.1"
# Kernel -> work, milliseconds compiled, milliseconds in a graph; on TensorFlow and a CPU.
FIGURES = {
    "add_rms_norm": [("8 x 128 x 128", 2.95, 3.43), ("8 x 1,024 x 1,024", 284, 248)],
    "blockwise_attention": [
        ("causal, 8 x 128 x 8 x 16", 18.2, 25.3),
        ("causal, 2 x 1,024 x 8 x 64", 219, 345),
    ],
    "entmax": [("8 x 128 x 128", 8.27, 15.3), ("8 x 1,024 x 1,024", 365, 733)],
    "entmax15": [("8 x 128 x 128", 4.12, 7.17), ("8 x 1,024 x 1,024", 237, 371)],
    "geglu": [("8 x 128 x 128", 2.34, 3.53), ("8 x 1,024 x 1,024", 239, 233)],
    "linear_cross_entropy": [
        ("mean, 1,024 x 128 x 1,000", 14.8, 17.2),
        ("mean, 1,024 x 128 x 8,000", 85.6, 119),
    ],
    "rotary_embedding": [("8 x 128 x 2 x 64", 2.26, 3.2), ("8 x 1,024 x 16 x 64", 101, 130)],
    "swiglu": [("8 x 128 x 128", 2.4, 3.62), ("8 x 1,024 x 1,024", 218, 174)],
}


def measured(kernel: str) -> list[Measured]:
    """The figures of a kernel."""
    return [
        Measured("tensorflow", "cpu", compiled, plain, work, ENVIRONMENT)
        for work, compiled, plain in FIGURES[kernel]
    ]
