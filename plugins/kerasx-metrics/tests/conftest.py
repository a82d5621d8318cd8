import keras
import pytest

from kerasx.testing import compiled


@pytest.fixture(scope="module")
def uncompiled():
    """Run updates uncompiled: every drawn shape would be compiled again.

    test_in_models.py and test_exactness.py test compiled steps.
    """
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("KERASX_COMPILE", "accumulate=0,insert=0")
        yield


@pytest.fixture
def update_in_step():
    """Update a metric, whose variables exist, as a compiled training step does."""

    def update(metric, *batch):
        if keras.backend.backend() != "jax":
            compiled(metric.update_state)(*batch)
            return
        import jax

        before = [variable.value for variable in metric.variables]
        after = jax.jit(metric.stateless_update_state)(before, *batch)
        for variable, value in zip(metric.variables, after, strict=True):
            variable.assign(value)

    return update
