"""Every contribution of this plugin satisfies the contract."""

from kerasx.testing import contract_tests

test_contract = contract_tests("kerasx-losses", representatives=["ClassWeighted"])
