"""Every contribution of this plugin keeps every promise."""

import pytest

from kerasx.testing import contract_tests

pytestmark = pytest.mark.usefixtures("uncompiled")  # `kerasx check kerasx-metrics` compiles

test_contract = contract_tests("kerasx-metrics")
