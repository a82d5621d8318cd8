"""The contract as tests: what every contribution promises, checked with one line.

```python
from kerasx.testing import contract_tests

test_contract = contract_tests("acme-layers")
```

`kerasx check acme-layers` runs the same in a shell. Needs `pip install "kerasx[testing]"`.
"""

from kerasx.testing.case import Case
from kerasx.testing.contract import contract_tests
from kerasx.testing.strategies import labels, masks, probabilities, shapes, sizes, tensors, weights

# The checks; importing them adds them to the contract.
from kerasx.testing import everything, kernels, layers, losses, metrics  # isort: skip

__all__ = [
    "Case",
    "contract_tests",
    "everything",
    "kernels",
    "labels",
    "layers",
    "losses",
    "masks",
    "metrics",
    "probabilities",
    "shapes",
    "sizes",
    "tensors",
    "weights",
]
