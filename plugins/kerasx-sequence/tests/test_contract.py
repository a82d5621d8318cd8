"""Every contribution of this plugin satisfies the contract."""

from kerasx.testing import contract_tests

# One contribution for each mechanism: on these, the fast tier runs every check.
REPRESENTATIVES = ["CRF", "EntityF1", "MinGRU", "PeepholeLSTMCell", "linear_recurrence"]

test_contract = contract_tests("kerasx-sequence", representatives=REPRESENTATIVES)
