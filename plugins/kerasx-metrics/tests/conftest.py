import pytest


@pytest.fixture(scope="module")
def uncompiled():
    """Run updates uncompiled: every drawn shape would be compiled again.

    test_in_models.py and test_exactness.py test compiled steps.
    """
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("KERASX_COMPILE", "accumulate=0,insert=0")
        yield
