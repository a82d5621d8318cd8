"""The documentation of each metric: a summary, its arguments, its errors, and an example."""

import doctest
import inspect
import re

import pytest

import kerasx
from kerasx.authoring import snake_case
from kerasx_metrics.catalogue import CLASSES
from kerasx_metrics.functions import FUNCTIONS

PUBLIC = [*CLASSES, *FUNCTIONS]
# Sentences that only functions have, because they see values and classes do not.
OF_FUNCTIONS = {
    "average": '`"auto"` for the value of the positive class in a binary task and for `"macro"` in '
    "others; ",
    "task": "Labels and predictions of shape `(n,)` or `(n, 1)` that hold only 0 and 1 are a "
    "binary task, unless `task`, `num_classes` or `average` is passed. ",
}
FLAGS = doctest.NORMALIZE_WHITESPACE | doctest.ELLIPSIS


def by_name(contribution):
    return contribution.__name__


def section(doc, title):
    """The indented lines below `title:`."""
    match = re.search(rf"^{title}:\n((?:    .*\n|\n)+)", f"{doc}\n", re.MULTILINE)
    return match.group(1) if match else ""


@pytest.mark.parametrize("contribution", PUBLIC, ids=by_name)
def test_is_public_under_its_name(contribution):
    assert getattr(kerasx.metrics, contribution.__name__) is contribution


@pytest.mark.parametrize("contribution", PUBLIC, ids=by_name)
def test_summary(contribution):
    summary, blank = inspect.getdoc(contribution).split("\n")[:2]
    assert re.match(r"[A-Z].{20,}[.:]?$", summary)
    assert len(summary) <= 100
    assert not blank


@pytest.mark.parametrize("contribution", PUBLIC, ids=by_name)
def test_arguments_are_exactly_the_parameters(contribution):
    documented = re.findall(r"^    (\w+): \S", section(inspect.getdoc(contribution), "Args"), re.M)
    assert documented == list(inspect.signature(contribution).parameters)


@pytest.mark.parametrize("contribution", PUBLIC, ids=by_name)
def test_errors(contribution):
    raises = section(inspect.getdoc(contribution), "Raises")
    assert "ValueError: " in raises
    if contribution in FUNCTIONS:
        assert "TypeError: " in raises


def examples_of(contribution):
    return doctest.DocTestParser().get_doctest(
        inspect.getdoc(contribution), {}, contribution.__name__, None, 0
    )


@pytest.mark.parametrize("metric_class", CLASSES, ids=by_name)
def test_example_runs(metric_class):
    examples = examples_of(metric_class)
    assert metric_class.__name__ in examples.docstring.partition("Example:")[2]
    report = []
    outcome = doctest.DocTestRunner(optionflags=FLAGS).run(examples, out=report.append)
    assert outcome.attempted >= 2
    assert not outcome.failed, "".join(report)


@pytest.mark.parametrize(
    ("metric_class", "function"), [*zip(CLASSES, FUNCTIONS, strict=True)], ids=by_name
)
def test_function_takes_the_arguments_of_its_class(metric_class, function):
    of_class = dict(inspect.signature(metric_class).parameters)
    of_function = dict(inspect.signature(function).parameters)
    assert list(of_function)[:4] == ["y_true", "y_pred", "sample_weight", "mask"]
    for name in ("y_true", "y_pred", "sample_weight", "mask"):
        del of_function[name]
    for name in ("name", "dtype", "capacity"):  # of a state, which a function does not have
        of_class.pop(name, None)
    assert list(of_function) == list(of_class)
    for name, parameter in of_function.items():
        assert parameter.kind is parameter.KEYWORD_ONLY
        # Whole arrays allow exact curves, and show whether a task is binary.
        of_functions = {"thresholds": None, "average": "auto"}
        if name in metric_class.meanings:
            of_functions = {}
        expected = of_functions.get(name, of_class[name].default)
        assert parameter.default == expected


@pytest.mark.parametrize(
    "argument", ["average", "task", "num_classes", "ignore_class", "from_logits", "zero_division"]
)
def test_an_argument_means_the_same_everywhere(argument):
    own = [each.__name__ for each in CLASSES if argument in each.meanings]
    own += [snake_case(name) for name in own]
    shared = [contribution for contribution in PUBLIC if contribution.__name__ not in own]
    texts = {}
    for contribution in shared:
        args = section(inspect.getdoc(contribution), "Args")
        match = re.search(rf"^    {argument}: ((?:.*\n)(?:        .*\n)*)", args, re.M)
        if match:
            text = " ".join(match.group(1).split())
            if contribution in FUNCTIONS:
                assert text.startswith(OF_FUNCTIONS.get(argument, ""))
                text = text.removeprefix(OF_FUNCTIONS.get(argument, ""))
            texts.setdefault(text, []).append(contribution.__name__)
    assert len(texts) == 1, texts
    defaults = {
        inspect.signature(contribution).parameters[argument].default
        for contribution in shared
        if argument in inspect.signature(contribution).parameters
    }
    assert len(defaults - {"auto"}) == 1
