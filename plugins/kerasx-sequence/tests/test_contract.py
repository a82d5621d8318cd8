"""Every contribution of this plugin keeps every promise."""

from kerasx.testing import contract_tests

test_contract = contract_tests("kerasx-sequence")
