"""Callbacks."""

from typing import Any

import keras


class StopAtTarget(keras.callbacks.Callback):
    """Stop training at the end of the epoch in which a loss or metric reaches a target.

    Args:
        target: the value to reach.
        monitor: name of the loss or metric in the logs, such as `"val_loss"`.
        mode: `"min"` if lower values are better, `"max"` if higher values are.

    Attributes:
        stopped_epoch: number of the epoch that reached the target, from 0 on, or `None`.

    Example:
    >>> import numpy as np
    >>> model = keras.Sequential([keras.Input((1,)), keras.layers.Dense(1)])
    >>> model.compile("sgd", "mse")
    >>> stop = StopAtTarget(target=1e6)
    >>> _ = model.fit(np.ones((4, 1)), np.ones((4, 1)), epochs=9, callbacks=[stop], verbose=0)
    >>> stop.stopped_epoch
    0
    """

    def __init__(self, target: float = 0.0, monitor: str = "loss", mode: str = "min") -> None:
        super().__init__()
        if mode not in ("min", "max"):
            raise ValueError(f'StopAtTarget: mode must be "min" or "max"; received {mode!r}')
        self.target = target
        self.monitor = monitor
        self.mode = mode
        self.stopped_epoch: int | None = None

    def on_train_begin(self, logs: dict[str, Any] | None = None) -> None:
        """Forget the last training."""
        self.stopped_epoch = None

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        """Compare the epoch's value with the target."""
        value = (logs or {}).get(self.monitor)
        if value is None:  # for example without validation data
            return
        if value <= self.target if self.mode == "min" else value >= self.target:
            self.stopped_epoch = epoch
            self.model.stop_training = True
