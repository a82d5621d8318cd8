import pytest

from kerasx_metrics.curves import insert
from kerasx_metrics.streaming import accumulate


@pytest.fixture(scope="module")
def uncompiled():
    """Run updates uncompiled: every drawn shape would be compiled anew.

    Compiled steps are what test_in_models.py and test_exactness.py are about.
    """
    with pytest.MonkeyPatch.context() as patch:
        for kernel in (accumulate, insert):
            patch.setattr(kernel, "compiled", kernel.function)
        yield
