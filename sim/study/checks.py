"""All checks of a run in their order, and whether a report keeps what its scenario expects.

Safety is judged always, liveness only from the moment the scenario calls the network healed. Each check is a pure function
of the evidence. An expectation names a number of the report by its path or the end of it, or a check by its name.
"""

from __future__ import annotations

import difflib
import operator
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Protocol

from sim.study.checks_logs import leader_completeness, log_matching
from sim.study.checks_places import leader_uniqueness, view_monotonicity
from sim.study.checks_quorums import certificate_soundness, lock_monotonicity
from sim.study.checks_recovery import external_validity, recovery_time
from sim.study.checks_safety import SafetyWatch, Violation, agreement, integrity, prefix_order, validity
from sim.study.checks_votes import accountability, one_vote
from sim.study.checks_world import availability, bandwidth, message_conservation, termination, undetected_tampering
from sim.study.evidence import Evidence
from sim.study.verdict import Verdict

__all__ = ["CHECKS", "Expectation", "SafetyWatch", "Verdict", "Violation", "check", "flattened", "judge"]

CHECKS: dict[str, Callable[[Evidence], Verdict]] = {
    "agreement": agreement,
    "prefix-order": prefix_order,
    "validity": validity,
    "integrity": integrity,
    "termination": termination,
    "availability": availability,
    "one-vote": one_vote,
    "accountability": accountability,
    "certificate-soundness": certificate_soundness,
    "lock-monotonicity": lock_monotonicity,
    "view-monotonicity": view_monotonicity,
    "leader-uniqueness": leader_uniqueness,
    "log-matching": log_matching,
    "leader-completeness": leader_completeness,
    "external-validity": external_validity,
    "recovery-time": recovery_time,
    "message-conservation": message_conservation,
    "bandwidth": bandwidth,
    "undetected-tampering": undetected_tampering,
}

_COMPARISONS: dict[str, Callable[[Any, Any], bool]] = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
    "==": operator.eq,
    "!=": operator.ne,
}


class Expectation(Protocol):
    """What a scenario wants of the report: `path operator value`, such as finality_s.p99 < 4."""

    @property
    def path(self) -> str:
        """Where in the report, or which check."""

    @property
    def operator(self) -> str:
        """One of < <= > >= == !=."""

    @property
    def value(self) -> Any:
        """A number, text, or true or false for a check."""


def check(evidence: Evidence) -> list[Verdict]:
    """The verdict of every check, in the order of `CHECKS`."""
    return [judge_one(evidence) for judge_one in CHECKS.values()]


def flattened(tree: Any, path: str = "") -> dict[str, Any]:
    """The leaves of a report by dotted path; a list's tables go by their kind, fault or name, others by their place.

    Of two tables with the same name in one list, the later ones get their place as an ending: partition-1.
    """
    if isinstance(tree, Mapping):
        branches = {str(key): value for key, value in tree.items()}
    elif isinstance(tree, list | tuple):
        branches = {}
        for place, value in enumerate(tree):
            name = str(place)
            if isinstance(value, Mapping):
                name = str(next((value[key] for key in ("kind", "fault", "name") if value.get(key)), place))
            branches[f"{name}-{place}" if name in branches else name] = value
    else:
        return {path: tree}
    leaves: dict[str, Any] = {}
    for key, value in branches.items():
        leaves.update(flattened(value, f"{path}.{key}" if path else key))
    return leaves


def find(leaves: Mapping[str, Any], path: str) -> list[str]:
    """The paths that `path` means: itself, or of those that end in it the ones nearest to the root."""
    if path in leaves:
        return [path]
    ending = [known for known in leaves if known.endswith(f".{path}")]
    least = min((known.count(".") for known in ending), default=0)
    return [known for known in ending if known.count(".") == least]


def _judge_check(path: str, wanted: Expectation, found: Mapping[str, str]) -> str | None:
    """Whether a check came out as wanted: true means pass, false means fail, text names the verdict."""
    value = {True: "pass", False: "fail"}[wanted.value] if isinstance(wanted.value, bool) else wanted.value
    if _COMPARISONS[wanted.operator](found["verdict"], value):
        return None
    return f"{path}: wanted verdict {wanted.operator} {value}, but it is {found['verdict']}: {found['evidence']}"


def _judge_number(leaves: Mapping[str, Any], wanted: Expectation) -> str | None:
    """Whether a number of the report came out as wanted."""
    paths = find(leaves, wanted.path)
    if not paths:
        near = difflib.get_close_matches(wanted.path, [*CHECKS, *leaves], 1, 0.5)
        return f"{wanted.path}: the report holds nothing of this name" + (f"; did you mean {near[0]}?" if near else "")
    if len(paths) > 1:
        return f"{wanted.path}: this may mean {' or '.join(paths)}; give more of the path"
    actual = leaves[paths[0]]
    if actual is None:
        return f"{paths[0]}: wanted {wanted.operator} {wanted.value}, but it was not measured"
    try:
        kept = _COMPARISONS[wanted.operator](actual, wanted.value)
    except TypeError:
        return f"{paths[0]}: {actual!r} cannot be compared with {wanted.value!r}"
    return None if kept else f"{paths[0]}: wanted {wanted.operator} {wanted.value}, but it is {actual}"


def judge(report: Mapping[str, Any], expectations: Iterable[Expectation]) -> list[str]:
    """One sentence for each expectation that the report (as `to_dict()` gives it) does not keep.

    A name that is a check's speaks of its verdict, so `availability = true` is the check and not the section.
    """
    checks = {one["name"]: one for one in report.get("checks", ())}
    leaves = flattened({key: value for key, value in report.items() if key != "checks"})
    failed = []
    for wanted in expectations:
        name = wanted.path.removeprefix("checks.").replace("_", "-")
        sentence = _judge_check(name, wanted, checks[name]) if name in checks else _judge_number(leaves, wanted)
        if sentence is not None:
            failed.append(sentence)
    return failed
