from kerasx.testing import Case

from acme_layers.callbacks import StopAtTarget

CASES += [Case(StopAtTarget, arguments={"target": 0.1, "monitor": "val_loss"})]
