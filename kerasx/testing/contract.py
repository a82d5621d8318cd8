"""The contract: its checks, the contributions that each applies to, and how they run.

A check is a function of a case and of hypothesis's data, and its docstring gives the reason. The
checks in `common` need no case and take a subject.
"""

from __future__ import annotations

import importlib
import inspect
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass, field
from typing import Any

import hypothesis
import pytest
from hypothesis import Phase
from hypothesis import strategies as st

from kerasx import registry
from kerasx.compiler import Kernel
from kerasx.registry import KINDS
from kerasx.testing.case import Case

# Contributions of these kinds need a case, which says how to exercise them. Others need one if the
# constructor has arguments without a default.
KINDS_WITH_CASES = ("layers", "losses", "metrics", "kernels")


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
    """

    function: Callable[..., None]
    kinds: tuple[str, ...]
    when: Callable[[Case], bool] | None
    share: float
    least: int
    quick: bool

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
) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Decorator: add a function to the contract."""

    def add(function: Callable[..., None]) -> Callable[..., None]:
        CHECKS.append(Check(function, kinds or tuple(KINDS), when, share, least, quick))
        return function

    return add


@dataclass(frozen=True, eq=False)
class Subject:
    """The target of a check: one contribution, or an object that no plugin contributes.

    Attributes:
        kind: its kind, such as `"layers"`.
        object: the class, function or kernel.
        qualified: `package>Name`, or `None` if no plugin contributes it.
        cases: how to exercise it.
    """

    kind: str
    object: Any
    qualified: str | None = None
    cases: tuple[Case, ...] = ()


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
        return self.case.waived.get(self.check.name) if self.case else None

    def run(self) -> None:
        """Run the check.

        Raises:
            AssertionError: the contribution breaks the promise.
        """
        if self.case is None:
            self.check.function(self.subject)
            return
        run = hypothesis.given(data=st.data())(_named(self.check.function, self.case))
        assert hypothesis.settings.default is not None
        usual = hypothesis.settings.default.max_examples
        hypothesis.settings(
            max_examples=max(self.check.least, round(usual * self.check.share)),
            deadline=None,
            database=None,
            # Skip the explain phase, which traces every line, and shrinking where it is expensive.
            phases=[Phase.generate, Phase.shrink] if self.check.share == 1 else [Phase.generate],
            suppress_health_check=list(hypothesis.HealthCheck),
        )(run)()


def _named(function: Callable[..., None], case: Case) -> Callable[..., None]:
    def run(data: Any) -> None:
        function(case, data)

    return run


def plan(subjects: Iterable[Subject]) -> list[Item]:
    """Return every check that applies to these subjects, one for each of their cases."""
    items = []
    for subject in subjects:
        for promise in CHECKS:
            if subject.kind not in promise.kinds:
                continue
            if not promise.needs_case:
                items.append(Item(promise, subject))
                continue
            for case in subject.cases:
                if promise.when is None or promise.when(case):
                    items.append(Item(promise, subject, case))
    return items


def subjects(target: str) -> list[Subject]:
    """Return the contributions that a target names.

    Args:
        target: a plugin, by its distribution or import package (`"kerasx-metrics"`), or an object
            (`"my_package.module:MyLayer"`).

    Raises:
        ValueError: no plugin or object has that name, or the plugin is not loaded.
    """
    module, _, name = target.partition(":")
    if name:
        return [_subject_of(importlib.import_module(module), name)]
    plugin = registry.find_plugin(target)
    if plugin is not None:
        if plugin.status != "loaded":
            raise ValueError(plugin.why())
        cases = cases_of(plugin)
        return [
            Subject(
                contribution.kind,
                contribution.object,
                contribution.qualified,
                _cases_for(contribution.kind, contribution.object, cases),
            )
            for contribution in plugin.contributions
        ]
    installed = ", ".join(plugin.name for plugin in registry.plugins()) or "none"
    raise ValueError(
        f"no plugin is called {target!r}; installed are: {installed}. Name an object that no "
        "plugin contributes as package.module:Name"
    )


def cases_of(plugin: registry.Plugin) -> list[Case]:
    """Return the cases from a plugin's hook `kerasx_cases`."""
    return [
        case
        for hook in registry.hooks(plugin)
        if hook.name == "kerasx_cases"
        for cases in hook()
        for case in cases
    ]


def _subject_of(module: Any, name: str) -> Subject:
    try:
        target = getattr(module, name)
    except AttributeError as error:
        raise ValueError(f"module {module.__name__} has no {name}") from error
    for each in registry.contributions():
        if each.object is target:
            cases = _cases_for(each.kind, target, cases_of(each.plugin))
            return Subject(each.kind, target, each.qualified, cases)
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


def _cases_for(kind: str, value: Any, cases: Iterable[Case]) -> tuple[Case, ...]:
    own = tuple(case for case in cases if case.of is value)
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
