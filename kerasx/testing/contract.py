"""The contract: its checks, the contributions that each applies to, and how they run.

A check is a function of a case and of hypothesis's data, and its docstring gives the reason. The
checks in `common` need no case and take a subject.
"""

from __future__ import annotations

import difflib
import importlib
import inspect
import sys
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, NoReturn
from unittest import SkipTest

import hypothesis
import pytest
from hypothesis import Phase
from hypothesis import strategies as st

from kerasx import registry
from kerasx.compiler import Kernel
from kerasx.registry import KINDS
from kerasx.testing.case import Case, Waivers

# Contributions of these kinds need a case, which says how to exercise them. Others need one if the
# constructor has arguments without a default.
KINDS_WITH_CASES = ("layers", "losses", "metrics", "kernels")
# Traits of a case that it may declare not to hold.
TRAITS = ("differentiable", "independent", "masked")


@dataclass(frozen=True)
class Check:
    """One thing that a contribution promises.

    Attributes:
        function: the check: `(case, data)`, or `(subject)` if it needs no case.
        kinds: the kinds of contribution that it is for.
        when: whether it applies to a case.
        share: part of hypothesis's examples that it draws.
        least: the least number of examples; the first one is the simplest, so it may show little.
        quick: whether it takes little time, so that it may run on every contribution each time.
        style: whether it is about how the code is written, not about what it does.
    """

    function: Callable[..., None]
    kinds: tuple[str, ...]
    when: Callable[[Case], bool] | None
    share: float
    least: int
    quick: bool
    style: bool

    @property
    def name(self) -> str:
        """Name of the check, as `Case.waived` has it."""
        return self.function.__name__

    @property
    def reason(self) -> str:
        """The promise, and why it matters."""
        return inspect.getdoc(self.function) or ""

    @property
    def needs_case(self) -> bool:
        """True if it runs on a case, not on the contribution as such."""
        return "data" in inspect.signature(self.function).parameters


CHECKS: list[Check] = []


def check(
    *kinds: str,
    when: Callable[[Case], bool] | None = None,
    share: float = 1.0,
    least: int = 1,
    quick: bool = False,
    style: bool = False,
) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Decorator: add a function to the contract."""

    def add(function: Callable[..., None]) -> Callable[..., None]:
        CHECKS.append(Check(function, kinds or tuple(KINDS), when, share, least, quick, style))
        return function

    return add


def not_exercised(reason: str) -> NoReturn:
    """End a check that has nothing to try on this contribution.

    Raises:
        SkipTest: always; pytest and `kerasx check` show the reason, and do not count it as passed.
    """
    raise SkipTest(f"not exercised: {reason}")


@dataclass(frozen=True, eq=False)
class Subject:
    """The target of a check: one contribution, or an object that no plugin contributes.

    Attributes:
        kind: its kind, such as `"layers"`.
        object: the class, function or kernel.
        qualified: `package>Name`, or `None` if no plugin contributes it.
        cases: how to exercise it.
        waived: name of a check -> why it does not hold; `Case.waived` adds to it.
        wrapped: whether its plugin only wraps it, so that checks of style do not apply.
    """

    kind: str
    object: Any
    qualified: str | None = None
    cases: tuple[Case, ...] = ()
    waived: Mapping[str, str] = field(default_factory=dict)
    wrapped: bool = False


@dataclass(frozen=True, eq=False)
class Item:
    """One check of one case."""

    check: Check
    subject: Subject
    case: Case | None = field(default=None)

    @property
    def label(self) -> str:
        """Name of the test, such as `CRF-reloads`."""
        return f"{self.case.label if self.case else self.subject.object.__name__}-{self.check.name}"

    @property
    def waived(self) -> str | None:
        """The reason why it need not hold, or None."""
        waived = dict(self.subject.waived)
        for case in (self.case,) if self.case else self.subject.cases:
            waived.update(case.waived)
        return waived.get(self.check.name)

    def run(self, examples: int | None = None) -> None:
        """Run the check.

        Args:
            examples: number of inputs; by default the check's share of what hypothesis's settings
                say.

        Raises:
            AssertionError: the contribution breaks the promise.
            SkipTest: the check has nothing to try.
        """
        if self.case is None:
            self.check.function(self.subject)
            return
        run = hypothesis.given(data=st.data())(_named(self.check.function, self.case))
        assert hypothesis.settings.default is not None
        usual = hypothesis.settings.default.max_examples
        hypothesis.settings(
            max_examples=examples or max(self.check.least, round(usual * self.check.share)),
            deadline=None,
            database=None,
            report_multiple_bugs=False,
            # Skip the explain phase, which traces every line, and shrinking where it is expensive.
            phases=[Phase.generate, Phase.shrink] if self.check.share == 1 else [Phase.generate],
            suppress_health_check=list(hypothesis.HealthCheck),
        )(run)()


def _named(function: Callable[..., None], case: Case) -> Callable[..., None]:
    def run(data: Any) -> None:
        function(case, data)

    return run


def plan(subjects: Iterable[Subject]) -> list[Item]:
    """Return every check that applies to these subjects, one for each of their cases.

    Raises:
        ValueError: something that is waived is not a check of that kind.
    """
    items = []
    for subject in subjects:
        _validate_waived(subject)
        for promise in CHECKS:
            if subject.kind not in promise.kinds or (promise.style and subject.wrapped):
                continue
            if not promise.needs_case:
                items.append(Item(promise, subject))
                continue
            for case in subject.cases:
                if promise.when is None or promise.when(case):
                    items.append(Item(promise, subject, case))
    return items


def _validate_waived(subject: Subject) -> None:
    known = [each.name for each in CHECKS if subject.kind in each.kinds]
    for case in subject.cases:
        _validate_names(case.label, case.waived, known)


def _validate_names(owner: str, names: Iterable[str], known: Collection[str]) -> None:
    for name in names:
        if name not in known:
            close = difflib.get_close_matches(name, known, n=1)
            hint = f"; did you mean {close[0]!r}?" if close else ""
            raise ValueError(f"{owner}: waived must name checks; received {name!r}{hint}")


def trials(subject: Subject) -> list[tuple[str, list[Item]]]:
    """Return each trait that the cases declare not to hold, with the checks that would show it."""
    tried = []
    for trait in TRAITS:
        cases = tuple(case for case in subject.cases if not getattr(case, trait))
        usual = {item.check for item in plan([replace(subject, cases=cases)])}
        change: dict[str, Any] = {trait: True}
        declared = tuple(replace(case, **change) for case in cases)
        items = [
            item
            for item in plan([replace(subject, cases=declared)])
            if item.check not in usual and not item.waived
        ]
        if items:
            tried.append((trait, items))
    return tried


def subjects(target: str) -> list[Subject]:
    """Return the contributions that a target names.

    Args:
        target: a plugin, by its distribution or import package (`"kerasx-metrics"`), or an object
            in a module or in a file (`"my_package.module:MyLayer"`, `"layers.py:MyLayer"`). Modules
            in the current folder are found.

    Raises:
        ValueError: no plugin or object has that name, or the plugin is not loaded.
    """
    module, _, name = target.rpartition(":")
    if module:
        return [_subject_of(_imported(module), name)]
    plugin = registry.find_plugin(target)
    if plugin is not None:
        if plugin.status != "loaded":
            raise ValueError(plugin.why())
        listed = _listed(plugin)
        return [_contributed(contribution, listed) for contribution in plugin.contributions]
    installed = ", ".join(plugin.name for plugin in registry.plugins()) or "none"
    raise ValueError(
        f"no plugin is called {target!r}; installed are: {installed}. Name an object that no "
        "plugin contributes as package.module:Name or file.py:Name"
    )


def _imported(module: str) -> Any:
    """Import a module or a file, and make it importable for the processes that reload models."""
    file = Path(module)
    folder = file.parent if file.suffix == ".py" else Path()
    if str(folder.resolve()) not in sys.path:
        sys.path.insert(0, str(folder.resolve()))
    if file.suffix != ".py":
        return importlib.import_module(module)
    imported = importlib.import_module(file.stem)
    if not file.exists() or not file.samefile(imported.__file__ or ""):
        raise ValueError(
            f"{module} cannot be imported as {file.stem}, which is the module {imported.__file__}; "
            "give the file another name"
        )
    return imported


def _listed(plugin: registry.Plugin) -> list[Case | Waivers]:
    """Return what a plugin's hook `kerasx_cases` lists.

    Raises:
        ValueError: its waivers name something that is not a check.
    """
    listed = [
        each
        for hook in registry.hooks(plugin)
        if hook.name == "kerasx_cases"
        for returned in hook()
        for each in returned
    ]
    names = {each.name for each in CHECKS}
    for each in listed:
        if isinstance(each, Waivers):
            _validate_names(plugin.name, each.checks, names)
    return listed


def _contributed(contribution: registry.Contribution, listed: Sequence[Case | Waivers]) -> Subject:
    """Return the subject of a contribution, with its cases and the waivers of its plugin."""
    waivers = [each for each in listed if isinstance(each, Waivers)]
    return Subject(
        contribution.kind,
        contribution.object,
        contribution.qualified,
        _cases_for(contribution.kind, contribution.object, listed),
        {name: why for each in waivers for name, why in each.checks.items()},
        any(each.wraps_module(contribution.object.__module__) for each in waivers),
    )


def _subject_of(module: Any, name: str) -> Subject:
    try:
        target = getattr(module, name)
    except AttributeError as error:
        raise ValueError(f"module {module.__name__} has no {name}") from error
    for each in registry.contributions():
        if each.object is target:
            return _contributed(each, _listed(each.plugin))
    listed = [value for value in vars(module).values() if isinstance(value, Case)]
    for value in vars(module).values():
        if isinstance(value, list | tuple):
            listed += [case for case in value if isinstance(case, Case)]
    if isinstance(target, Case):
        listed, target = [target], target.of
    kind = _kind_of(target)
    return Subject(kind, target, None, _cases_for(kind, target, listed))


def _kind_of(value: Any) -> str:
    if isinstance(value, Kernel):
        return "kernels"
    for kind in KINDS.values():
        if inspect.isclass(value) and kind.base is not None and issubclass(value, kind.base):
            return kind.name
    raise ValueError(
        f"{value!r} must be a kernel or a class of {', '.join(KINDS)}; to check a function, name "
        "the plugin that contributes it"
    )


def _cases_for(kind: str, value: Any, listed: Iterable[Case | Waivers]) -> tuple[Case, ...]:
    own = tuple(each for each in listed if isinstance(each, Case) and each.of is value)
    by_default = kind not in KINDS_WITH_CASES and _has_defaults(value)
    return own or ((Case(value),) if by_default else ())


def _has_defaults(value: Any) -> bool:
    """Return whether a class can be made without arguments; a function needs only its inputs."""
    return not inspect.isclass(value) or all(
        parameter.default is not parameter.empty
        for parameter in inspect.signature(value).parameters.values()
        if parameter.kind not in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD)
    )


def is_fast(item: Item, representatives: Collection[str]) -> bool:
    """Return whether a check of a case is one for every run of the tests.

    Those are, for each contribution, the checks that need no case, and the quick ones of its first
    case. For the representatives they are all checks of the first case.
    """
    if item.case is None:
        return True
    if item.case is not item.subject.cases[0]:
        return False
    return item.check.quick or item.subject.object.__name__ in representatives


def contract_tests(
    *targets: str, representatives: Collection[str] | None = None
) -> Callable[..., None]:
    """Return a pytest test of every check of every case of these plugins.

    One line in a plugin's test file runs the whole contract:

    ```python
    from kerasx.testing import contract_tests

    test_contract = contract_tests("acme-layers")
    ```

    The whole contract of a large plugin takes long. If `representatives` names one contribution for
    each mechanism of the plugin, tests get the marker `thorough` unless they are quick or check the
    first case of a representative: `pytest -m "not thorough"` leaves them out.

    Args:
        *targets: plugins, by distribution or import package, or objects as `package.module:Name`.
        representatives: names of the contributions on which every run checks everything. By
            default no test is marked.

    Raises:
        ValueError: a target or a representative names nothing, or a plugin is not loaded.
    """
    checked = [subject for target in targets for subject in subjects(target)]
    unknown = set(representatives or ()) - {subject.object.__name__ for subject in checked}
    if unknown:
        raise ValueError(
            f"contract_tests: representatives must be contributions of {', '.join(targets)}; "
            f"received {sorted(unknown)}"
        )

    def marks(item: Item) -> list[pytest.MarkDecorator]:
        skip = [pytest.mark.skip(reason=item.waived)] if item.waived else []
        slow = representatives is not None and not is_fast(item, representatives)
        return [*skip, pytest.mark.thorough] if slow else skip

    @pytest.mark.parametrize(
        "item", [pytest.param(item, id=item.label, marks=marks(item)) for item in plan(checked)]
    )
    def test_contract(item: Item) -> None:
        item.run()

    return test_contract
