"""Optimizers."""

from collections.abc import Sequence
from typing import Any

import keras
from keras import ops


class AdaBelief(keras.Optimizer):
    """Adam that takes large steps where the gradient is what its average predicts.

    `mean = beta_1 * mean + (1 - beta_1) * gradient`,
    `spread = beta_2 * spread + (1 - beta_2) * (gradient - mean)^2 + epsilon`, and both are divided
    by `1 - beta^step`. Then `weight -= learning_rate * mean / (sqrt(spread) + epsilon)`.

    Args:
        learning_rate: a number or a schedule.
        beta_1: how much of the mean each step keeps.
        beta_2: how much of the spread each step keeps.
        epsilon: a small number for numerical stability.
        name: name of the optimizer.
        **kwargs: of every optimizer, such as `weight_decay` and `clipnorm`.

    Reference: Zhuang et al., "AdaBelief Optimizer: Adapting Stepsizes by the Belief in Observed
    Gradients", NeurIPS 2020, algorithm 2.

    Example:
    >>> weight = keras.Variable([1.0])
    >>> AdaBelief(learning_rate=0.1).apply([ops.array([5.0])], [weight])
    >>> print(bool(weight[0] < 1))
    True
    """

    def __init__(
        self,
        learning_rate: Any = 1e-3,
        beta_1: float = 0.9,
        beta_2: float = 0.999,
        epsilon: float = 1e-7,
        name: str = "adabelief",
        **kwargs: Any,
    ) -> None:
        super().__init__(learning_rate=learning_rate, name=name, **kwargs)
        self.beta_1 = beta_1
        self.beta_2 = beta_2
        self.epsilon = epsilon

    def build(self, variables: Sequence[keras.Variable]) -> None:
        """Make the state: a mean and a spread for each weight."""
        if self.built:
            return
        super().build(variables)
        self.means, self.spreads = self.add_optimizer_variables(variables, ["mean", "spread"])

    def update_step(self, gradient: Any, variable: Any, learning_rate: Any) -> None:
        """Update one weight, and its state."""
        place = self._get_variable_index(variable)
        mean, spread = self.means[place], self.spreads[place]
        gradient = ops.cast(gradient, "float32")  # 1 - beta_2 is zero in half precision
        new_mean = self.beta_1 * mean + (1 - self.beta_1) * gradient
        surprise = ops.square(gradient - new_mean)
        new_spread = self.beta_2 * spread + (1 - self.beta_2) * surprise + self.epsilon
        step = ops.cast(self.iterations + 1, "float32")
        unbiased_mean = new_mean / (1 - ops.power(self.beta_1, step))
        unbiased_spread = new_spread / (1 - ops.power(self.beta_2, step))
        change = learning_rate * unbiased_mean / (ops.sqrt(unbiased_spread) + self.epsilon)
        self.assign(mean, ops.cast(new_mean, mean.dtype))
        self.assign(spread, ops.cast(new_spread, spread.dtype))
        self.assign_sub(variable, ops.cast(change, variable.dtype))

    def get_config(self) -> dict[str, Any]:
        """Return the arguments of the constructor."""
        return {
            **super().get_config(),
            "beta_1": self.beta_1,
            "beta_2": self.beta_2,
            "epsilon": self.epsilon,
        }
