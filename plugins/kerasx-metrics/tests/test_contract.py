"""Every contribution of this plugin keeps every promise."""

import pytest

from kerasx.testing import contract_tests

pytestmark = pytest.mark.usefixtures("uncompiled")  # `kerasx check kerasx-metrics` compiles

# One contribution for each mechanism: on these, the fast tier runs every check.
REPRESENTATIVES = ["AUROC", "F1Score", "LogLoss"]

test_contract = contract_tests("kerasx-metrics", representatives=REPRESENTATIVES)
