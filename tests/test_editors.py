"""Editors show the names in kerasx's namespaces: signatures and full documentation.

Jedi is the library under several editors' completions. It reads sources and stubs only.
"""

import pytest

jedi = pytest.importorskip("jedi")

SHOWN = {
    "kerasx.metrics.F1Score": ("average", "class_id", "from_logits", "zero_division", "dtype"),
    "kerasx.metrics.f1_score": ("y_true", "sample_weight", "mask", "average", "zero_division"),
    "kerasx.metrics.AUROC": ("thresholds", "capacity", "average", "num_classes"),
    "kerasx.layers.CRF": ("units", "use_boundary", "constraints"),
}


def definition(name):
    """Return what an editor finds when the user hovers over a name."""
    source = f"import kerasx.metrics, kerasx.layers\n{name}"
    column = len(source.splitlines()[1])
    (definition,) = jedi.Script(source).infer(2, column)
    return definition


@pytest.mark.parametrize("name", SHOWN)
def test_documentation_shows_every_argument(name):
    documentation = definition(name).docstring()
    assert "Args:\n" in documentation
    for argument in SHOWN[name]:
        assert f"\n    {argument}: " in documentation


@pytest.mark.parametrize("name", ["kerasx.metrics.f1_score", "kerasx.layers.CRF"])
def test_signature(name):
    source = f"import kerasx.metrics, kerasx.layers\n{name}("
    (signature,) = jedi.Script(source).get_signatures(2, len(source.splitlines()[1]))
    names = [parameter.name for parameter in signature.params]
    assert [argument for argument in SHOWN[name] if argument in names] == list(SHOWN[name])
