"""The contract lets sound contributions pass, and each broken one fails the check meant for it."""

import inspect
import types
from dataclasses import replace
from unittest import SkipTest

import contract_examples
import hypothesis
import keras
import pytest

import kerasx
import kerasx_metrics.plugin
from kerasx.compiler import Kernel
from kerasx.registry import contributions
from kerasx.testing import Case, Waivers, common, contract_tests
from kerasx.testing.contract import (
    CHECKS,
    KINDS_WITH_CASES,
    Subject,
    is_fast,
    plan,
    subjects,
)

BACKEND = keras.backend.backend()
# Nothing is compiled there, or there is no such format.
ELSEWHERE = {
    "jax": {"exports"},
    "torch": {"exports", "compiles", "compiles_as_a_loss", "compiles_once_per_bucket"},
}


NOT_EXERCISED = {
    "honours_masks: not exercised: the input has no axis of time that could be masked",
    "honours_masks: not exercised: the layer does not support masks, and drops them",
    "knows_its_output_at_other_ranks: not exercised: the layer takes inputs of one rank only",
    "workers_merge: not exercised: the metric has no merge_state, which "
    "kerasx.authoring.SumMetric provides",
}


def kind_of(contribution):
    if isinstance(contribution, Kernel):
        return "kernels"
    if not inspect.isclass(contribution):
        return "losses"
    bases = {"layers": keras.Layer, "losses": keras.Loss, "metrics": keras.Metric}
    return next(kind for kind, base in bases.items() if issubclass(contribution, base))


def items_of(case):
    subject = Subject(kind_of(case.of), case.of, None, (case,))
    return [item for item in plan([subject]) if item.case]


def failing(items):
    failed = {}
    for item in items:
        try:
            item.run()
        except SkipTest as skip:
            if f"{item.check.name}: {skip}" not in NOT_EXERCISED:
                failed[item.check.name] = skip
        except Exception as error:
            failed[item.check.name] = error
    return failed


@pytest.mark.parametrize("case", contract_examples.SOUND, ids=lambda case: case.label)
def test_sound_contributions_pass(case):
    items = items_of(case)
    assert failing(items) == {}
    assert len(items) >= 4


@pytest.fixture
def many_examples():
    """Draw enough inputs to see what is wrong only at times."""
    usual = hypothesis.settings.get_current_profile_name()
    examples = max(30, hypothesis.settings.default.max_examples)
    hypothesis.settings.register_profile("many", max_examples=examples, derandomize=True)
    hypothesis.settings.load_profile("many")
    yield
    hypothesis.settings.load_profile(usual)


@pytest.mark.usefixtures("many_examples")
# Keras warns about two of the broken contributions.
@pytest.mark.filterwarnings("ignore:The object being serialized includes a `lambda`")
@pytest.mark.filterwarnings("ignore:Gradients do not exist for variables")
@pytest.mark.parametrize(
    ("case", "wanted", "allowed"),
    contract_examples.BROKEN,
    ids=lambda value: value.label if isinstance(value, Case) else "",
)
def test_broken_contributions_are_caught(case, wanted, allowed, pytestconfig):
    """The thorough tier also sees that the other checks let it pass."""
    items = items_of(case)
    if pytestconfig.getoption("tier") == "fast":
        items = [item for item in items if item.check.name in wanted]
    failed = failing(items)
    assert wanted - ELSEWHERE.get(BACKEND, set()) <= failed.keys()
    assert failed.keys() <= wanted | allowed, failed


def test_each_check_catches_something():
    caught = set().union(*(wanted for _, wanted, _ in contract_examples.BROKEN))
    checks = {  # test_kinds.py has those of the other kinds
        each.name for each in CHECKS if each.needs_case and set(each.kinds) & set(KINDS_WITH_CASES)
    }
    uncaught = checks - caught
    assert uncaught <= ELSEWHERE.get(BACKEND, set())


# The checks that need no case


def subject(value, kind="layers", **more):
    return Subject(kind, value, **more)


def test_no_case():
    with pytest.raises(AssertionError, match=r"Scale has no case.*kerasx_cases.*Case\(Scale"):
        common.has_a_case(subject(contract_examples.Scale))
    common.has_a_case(subject(contract_examples.Scale, cases=contract_examples.SOUND))
    with pytest.raises(AssertionError, match=r"CosineDecay has no case.*, arguments=\{\.\.\.\}\)"):
        common.has_a_case(subject(keras.optimizers.schedules.CosineDecay, "schedules"))


def documented(doc):
    class Layer(keras.layers.Layer):
        def __init__(self, units, **kwargs):
            super().__init__(**kwargs)

    Layer.__doc__ = doc
    return subject(Layer)


@pytest.mark.parametrize(
    ("doc", "message"),
    [
        ("", "it has no docstring"),
        ("A layer\nwith units.", "not one line"),
        ("A layer.", r"does not name \['units'\]"),
    ],
)
def test_docstrings(doc, message):
    common.is_documented(documented("A layer.\n\nArgs:\n    units: how many."))
    with pytest.raises(AssertionError, match=message):
        common.is_documented(documented(doc))


@pytest.fixture
def package(tmp_path, monkeypatch):
    """Write a package, and return a subject that says it is of it."""
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path), prepend=":")

    def write(name, text):
        (tmp_path / f"{name}.py").write_text(text)
        return subject(types.SimpleNamespace(__module__=name, __name__="Layer"))

    return write


@pytest.mark.parametrize(
    "line",
    ["import keras.src", "from keras.src import ops", "from keras.src.ops import numpy as n"],
)
def test_private_imports(package, line):
    name = f"private_{abs(hash(line))}"
    with pytest.raises(AssertionError, match=rf"keras.src: {name}.py:2"):
        common.uses_public_keras(package(name, f"import keras\n{line}"))
    common.uses_public_keras(package(f"{name}_not", "from keras import ops"))


@pytest.mark.skipif(BACKEND == "torch", reason="PyTorch has no setting that shows it")
def test_computing_on_import(package):
    with pytest.raises(AssertionError, match="after `import busy` a device is in use"):
        common.import_computes_nothing(package("busy", "import keras; keras.ops.ones(3) + 1"))


def test_names_resolve():
    (subject, *_) = subjects("kerasx_metrics")
    common.resolves(subject)
    other = Subject(subject.kind, contract_examples.MeanOf, subject.qualified)
    with pytest.raises(AssertionError):
        common.resolves(other)


def test_outdated_catalogues(monkeypatch):
    (subject, *_) = subjects("kerasx_metrics")
    common.is_catalogued(subject)
    entries = common.read("kerasx_metrics")
    monkeypatch.setattr(common, "read", lambda package: None)  # a plugin need not have one
    with pytest.raises(SkipTest, match="not exercised: its plugin has no catalogue"):
        common.is_catalogued(subject)
    name = subject.object.__name__
    changed = [replace(each, call="") if each.name == name else each for each in entries]
    for outdated in (changed, [each for each in entries if each.name != name]):
        monkeypatch.setattr(common, "read", lambda package, outdated=outdated: outdated)
        with pytest.raises(AssertionError, match="run: kerasx catalogue kerasx-metrics"):
            common.is_catalogued(subject)


# Targets


def test_targets():
    assert [each.qualified for each in subjects("kerasx-metrics")] == [
        each.qualified for each in subjects("kerasx_metrics")
    ]
    (scale,) = subjects("contract_examples:Scale")
    assert (scale.kind, len(scale.cases)) == ("layers", 2)
    with pytest.raises(ValueError, match="no plugin is called 'acme'; installed are: kerasx-los"):
        subjects("acme")
    with pytest.raises(ValueError, match="module contract_examples has no Nothing"):
        subjects("contract_examples:Nothing")


def test_waived_checks_are_skipped_with_their_reason(monkeypatch):
    case = Case(contract_examples.Scale, contract_examples.features, waived={"copies": "a reason"})
    monkeypatch.setattr(contract_examples, "WAIVED", case, raising=False)
    marks = contract_tests("contract_examples:WAIVED").pytestmark[0].args[1]
    skipped = [each for each in marks if each.marks]
    assert [each.id for each in skipped] == ["Scale-copies"]
    assert skipped[0].marks[0].kwargs["reason"] == "a reason"


def waived(name, checks=None, **more):
    case = Case(contract_examples.Scale, contract_examples.features, waived=checks or {})
    return Subject("layers", contract_examples.Scale, name, (case,), **more)


def test_a_misspelt_waiver_is_an_error():
    with pytest.raises(ValueError, match="Scale: waived must name checks; received 'exprots'; did"):
        plan([waived(None, {"exprots": "a reason"})])
    with pytest.raises(ValueError, match="received 'works_in_a_model'"):  # a check of metrics
        plan([waived(None, {"works_in_a_model": "a reason"})])


def test_checks_without_a_case_and_of_a_whole_plugin_are_waived():
    items = plan([waived(None, {"is_documented": "a case"}, waived={"copies": "a plugin"})])
    reasons = {item.check.name: item.waived for item in items if item.waived}
    assert reasons == {"is_documented": "a case", "copies": "a plugin"}


def test_style_does_not_matter_in_wrapped_classes():
    usual = {item.check.name for item in plan([waived(None)])}
    wrapped = {item.check.name for item in plan([waived(None, wrapped=True)])}
    assert usual - wrapped == {"is_documented", "uses_public_keras"}


def test_waivers_of_a_plugin(monkeypatch):
    hook = kerasx_metrics.plugin.kerasx_cases

    def with_waivers(waivers):
        @kerasx.hookimpl
        def kerasx_cases():
            return [*hook(), waivers]

        monkeypatch.setattr(kerasx_metrics.plugin, "kerasx_cases", kerasx_cases)
        return subjects("kerasx-metrics")

    first = with_waivers(Waivers({"resolves": "why"}, wraps="kerasx_metrics"))[0]
    assert (dict(first.waived), first.wrapped) == ({"resolves": "why"}, True)
    assert not with_waivers(Waivers(wraps=("kerasx_losses",)))[0].wrapped
    with pytest.raises(ValueError, match="kerasx-metrics: waived must name checks; received 'x'"):
        with_waivers(Waivers({"x": "why"}))


def test_an_inherited_docstring_is_none():
    class Inherits(contract_examples.Scale):
        pass

    with pytest.raises(AssertionError, match="it has no docstring"):
        common.is_documented(subject(Inherits))


def test_a_shared_plain_name_resolves_by_its_qualified_name(monkeypatch):
    (first, *_) = subjects("kerasx_metrics")
    other = types.SimpleNamespace(name=first.object.__name__, qualified="acme>X")
    known = contributions(first.kind)
    monkeypatch.setattr(common, "contributions", lambda kind: [*known, other])
    monkeypatch.setattr(common, "namespace", None)
    common.resolves(first)


def test_namespace_packages(tmp_path, monkeypatch):
    inner = tmp_path / "shared_corp" / "layers"
    inner.mkdir(parents=True)
    (inner / "__init__.py").write_text("import keras.src\n")
    monkeypatch.syspath_prepend(tmp_path)
    layer = types.SimpleNamespace(__module__="shared_corp.layers.dense", __name__="Layer")
    assert common.package_of(layer) == "shared_corp.layers"
    with pytest.raises(AssertionError, match=r"shared_corp.layers imports from keras.src: __init"):
        common.uses_public_keras(subject(layer))


def test_what_is_not_exercised_says_so():
    with pytest.raises(SkipTest, match="not exercised: no plugin contributes it"):
        common.resolves(subject(contract_examples.Scale))
    with pytest.raises(SkipTest, match="not exercised: no plugin contributes it"):
        common.is_catalogued(subject(contract_examples.Scale))
    with pytest.raises(SkipTest, match="not exercised: it is a part of Keras"):
        common.uses_public_keras(subject(keras.layers.Dense))


def test_targets_in_files(tmp_path):
    path = tmp_path / "one_layer_of_mine.py"
    path.write_text(LAYER_FILE)
    (found,) = subjects(f"{path}:Twice")
    assert (found.kind, found.object.__name__, len(found.cases)) == ("layers", "Twice", 1)
    taken = tmp_path / "contract_examples.py"
    taken.write_text("")
    with pytest.raises(ValueError, match="give the file another name"):
        subjects(f"{taken}:Twice")


LAYER_FILE = """
import keras
from kerasx.testing import Case, tensors

class Twice(keras.layers.Layer):
    \"\"\"Twice its input.\"\"\"

    def call(self, inputs):
        return 2 * inputs

CASES = [Case(Twice, lambda batch, channels: tensors((batch, channels)))]
"""


def marked(representatives):
    parameters = contract_tests("kerasx-metrics", representatives=representatives).pytestmark
    return {
        each.id for each in parameters[0].args[1] for mark in each.marks if mark.name == "thorough"
    }


def test_only_slow_checks_are_left_to_the_thorough_tier():
    assert marked(None) == set()
    thorough = marked(["F1Score"])
    assert {"AUROC-reset_forgets", "AUROC-works_in_a_model"} < thorough
    assert not {each for each in thorough if each.startswith("F1Score-")}
    with pytest.raises(ValueError, match=r"representatives must be .* received \['F2'\]"):
        marked(["F1Score", "F2"])


@pytest.mark.parametrize(
    "plugin", ["kerasx-losses", "kerasx-metrics", "kerasx-sequence", "kerasx-transformer"]
)
def test_the_fast_tier_exercises_every_contribution(plugin):
    items = [item for item in plan(subjects(plugin)) if item.case and is_fast(item, ())]
    exercised = {item.subject.object.__name__ for item in items}
    assert exercised == {each.object.__name__ for each in subjects(plugin) if each.cases}
