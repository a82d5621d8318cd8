from kerasx.testing import Case

from acme_layers.optimizers import AdaBelief

CASES += [Case(AdaBelief, arguments={"learning_rate": 0.01, "beta_2": 0.99})]
