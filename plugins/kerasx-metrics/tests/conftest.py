from pathlib import Path

import keras
import pytest

from kerasx.authoring import snake_case
from kerasx_metrics.catalogue import CLASSES

# One metric of each statistic; the others differ from these by a formula of the sum.
OF_EACH_STATISTIC = {
    "accuracy",
    "auroc",
    "calibration_error",
    "classification_report",
    "confusion_matrix",
    "exact_match",
    "f1_score",
    "hamming_distance",
    "log_loss",
    "top_k_accuracy",
}
FEW = {"auroc", "calibration_error", "confusion_matrix", "f1_score", "log_loss"}
# PyTorch asks every metric, since it compiles nothing. JAX compiles each operation of each shape.
ASKED = {
    "tensorflow": {"test_contract.py": OF_EACH_STATISTIC, "test_forms.py": OF_EACH_STATISTIC},
    "jax": {"test_contract.py": FEW, "test_forms.py": FEW, "test_reference.py": FEW},
}
NAMES = {snake_case(metric_class.__name__) for metric_class in CLASSES}
HERE = Path(__file__).parent


def pytest_collection_modifyitems(config, items):
    """Leave out what differs from what is asked by a formula only; PROFILE=thorough asks all."""
    if config.getoption("hypothesis_profile") == "thorough":
        return
    asked = ASKED.get(keras.backend.backend(), {})
    left_out = []
    for item in items:
        if item.path.parent != HERE or item.path.name not in asked:
            continue
        params = item.callspec.params if hasattr(item, "callspec") else {}
        name = params.get("name")
        if "item" in params:
            name = snake_case(params["item"].subject.object.__name__)
        if name in NAMES - asked[item.path.name]:
            left_out.append(item)
    config.hook.pytest_deselected(items=left_out)
    items[:] = [item for item in items if item not in left_out]


@pytest.fixture(scope="module")
def uncompiled():
    """Run updates uncompiled: every drawn shape would be compiled anew.

    Compiled steps are what test_in_models.py and test_exactness.py are about.
    """
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("KERASX_COMPILE", "accumulate=0,insert=0")
        yield
