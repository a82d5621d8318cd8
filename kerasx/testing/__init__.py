"""The contract as tests: one line checks what every contribution promises.

```python
from kerasx.testing import contract_tests

test_contract = contract_tests("acme-layers")
```

`kerasx check acme-layers` runs the same checks in a shell. Both need hypothesis and pytest:
`pip install hypothesis pytest`.

The package also has strategies for hypothesis (`tensors`, `labels`, ...), helpers for all backends
(`as_numpy`, `gradients`, `compiled`, ...), and ways to run code in another process (`Worker`,
`run_python`).
"""

from kerasx.testing.case import Case, Waivers
from kerasx.testing.contract import CHECKS, Item, Subject, contract_tests, plan, subjects
from kerasx.testing.numerics import (
    BACKEND,
    Masked,
    as_numpy,
    assert_close,
    best_dtype,
    compiled,
    gradients,
    no_loss,
    policy,
)
from kerasx.testing.outcomes import Outcome, by_cause, outcome_of, traits_that_hold
from kerasx.testing.reloading import reloaded
from kerasx.testing.strategies import labels, masks, probabilities, sizes, tensors, weights
from kerasx.testing.worker import Worker, WorkerError, importable_from, run_python

# The checks; importing them adds them to the contract.
from kerasx.testing import common, configuration, kernels, layers, losses, metrics  # isort: skip
from kerasx.testing import functions  # isort: skip
from kerasx.testing import activations, callbacks, constraints, initializers  # isort: skip
from kerasx.testing import optimizers, regularizers, schedules  # isort: skip

__all__ = [
    "BACKEND",
    "CHECKS",
    "Case",
    "Item",
    "Masked",
    "Outcome",
    "Subject",
    "Waivers",
    "Worker",
    "WorkerError",
    "activations",
    "as_numpy",
    "assert_close",
    "best_dtype",
    "by_cause",
    "callbacks",
    "common",
    "compiled",
    "configuration",
    "constraints",
    "contract_tests",
    "functions",
    "gradients",
    "importable_from",
    "initializers",
    "kernels",
    "labels",
    "layers",
    "losses",
    "masks",
    "metrics",
    "no_loss",
    "optimizers",
    "outcome_of",
    "plan",
    "policy",
    "probabilities",
    "regularizers",
    "reloaded",
    "run_python",
    "schedules",
    "sizes",
    "subjects",
    "tensors",
    "traits_that_hold",
    "weights",
]


def __dir__() -> list[str]:
    return __all__
