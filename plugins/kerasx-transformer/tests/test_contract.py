"""Every contribution of this plugin satisfies the contract."""

from kerasx.testing import contract_tests

# One contribution for each mechanism: on these, the fast tier runs every check.
REPRESENTATIVES = [
    "GroupedQueryAttention",
    "LinearCrossEntropy",
    "Perplexity",
    "SwiGLU",
    "add_rms_norm",
    "swiglu",
]

test_contract = contract_tests("kerasx-transformer", representatives=REPRESENTATIVES)
