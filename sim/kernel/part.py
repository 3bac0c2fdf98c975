"""A part is a frozen dataclass whose fields are its scenario keys and whose docstring is its manual entry.

`@part` is all there is to it: no base class, no registry. Values are settled by annotation when a part is made, so
`Push(delay="40 ms")` in a notebook is the same object as `delay = "40 ms"` in a scenario file, and no part that breaks its own
rules can exist.
"""

from __future__ import annotations

import dataclasses
import inspect
import math
import operator
import sys
import types
from collections.abc import Callable, Mapping, Sequence
from dataclasses import MISSING, dataclass, field
from functools import cache, partial
from typing import Annotated, Any, Literal, TypeVar, Union, dataclass_transform, get_args, get_origin

from sim.kernel import units
from sim.kernel.errors import ScenarioError
from sim.kernel.manual import manual_lines
from sim.kernel.presets import filled_from

P = TypeVar("P")
_UNIT_KINDS = ("duration", "size", "rate", "share", "count")


@dataclass(frozen=True)
class PartField:
    """One key of a part, for `explain`, `list` and the reader."""

    name: str
    kind: str
    """'duration', 'size', 'rate', 'share', 'count', 'int', 'float', 'bool', 'str', 'part', or how the annotation is written."""
    default: Any
    """The default in base units, or dataclasses.MISSING where the key is required."""
    manual: str
    """The comment or text beside the field in its class."""
    group: str = ""
    """The group of parts this field takes one of, or ''."""
    hint: Any = None
    """The annotation, resolved; Any for nested parts."""

    @property
    def required(self) -> bool:
        """Whether the key has no default."""
        return self.default is MISSING


@dataclass_transform(frozen_default=True, kw_only_default=True, field_specifiers=(field,))
def part(cls: type[P]) -> type[P]:
    """Make a class a part. Its values are settled and checked when it is made; raises ScenarioError naming the field.

    A class may define `check(self) -> None` for rules of its own. Plain numbers must be finite and at least 0 unless the field
    says `field(..., metadata={"signed": True})`; a field that takes another part says `metadata={"group": "latency"}`. With
    `presets` beside a field `preset` (see `kernel/presets.py`), or a static method `fill(given) -> keys`, keys that were not
    given follow from those that were.
    """

    def __post_init__(self: Any) -> None:
        for entry in fields_of(type(self)):
            settled = settle(getattr(self, entry.name), entry, entry.name)
            object.__setattr__(self, entry.name, settled)
        check: Callable[[], None] | None = getattr(self, "check", None)
        if check is not None:
            check()

    cls.__post_init__ = __post_init__  # type: ignore[attr-defined]
    made = dataclass(frozen=True, kw_only=True)(cls)
    made.__is_part__ = True  # type: ignore[attr-defined]
    fill: Callable[[Mapping[str, Any]], Mapping[str, Any]] | None = getattr(made, "fill", None)
    if fill is None and getattr(made, "presets", None):
        fill = partial(filled_from, made.presets)  # type: ignore[attr-defined]
    if fill is not None:
        made.__init__ = _filling(made.__init__, fill)  # type: ignore[method-assign]
    return made


def _filling(make: Callable[..., None], fill: Callable[[Mapping[str, Any]], Mapping[str, Any]]) -> Callable[..., None]:
    """An `__init__` that knows which keys were given, and lets `fill` add to them."""

    def filled(self: Any, /, **given: Any) -> None:
        make(self, **fill(given))

    return filled


def is_part(value: Any) -> bool:
    """Whether `value` is a part (an instance, not its class)."""
    return not isinstance(value, type) and getattr(type(value), "__is_part__", False)


def is_part_class(value: Any) -> bool:
    """Whether `value` is a class of parts."""
    return isinstance(value, type) and getattr(value, "__is_part__", False)


def settle(value: Any, entry: PartField, path: str, units_required: bool = False) -> Any:
    """`value` as the field wants it, in base units; with `units_required` a bare number other than 0 is refused.

    Raises ScenarioError with `path` as its key.
    """
    if entry.group:
        return _settle_part(value, entry, path)
    if value is None and entry.default is None:
        return None
    try:
        return _settle(value, entry.hint, units_required, entry.kind.startswith("signed "))
    except ScenarioError as error:
        raise ScenarioError(error.sentence, path) from None


def _settle_part(value: Any, entry: PartField, path: str) -> Any:
    """A part where one is wanted, a tuple of them where any number is: such a field has a tuple as its default."""
    if isinstance(value, (list, tuple)) and isinstance(entry.default, tuple):
        one = dataclasses.replace(entry, default=MISSING)
        return tuple(_settle_part(item, one, f"{path}[{index}]") for index, item in enumerate(value))
    if is_part_class(value):
        value = value()
    if is_part(value) or (value is None and entry.default is None):
        return value
    raise ScenarioError(f"one part of the group {entry.group} is wanted, not {_what(value)}", path)


def _settle(value: Any, hint: Any, strict: bool, signed: bool) -> Any:
    origin = get_origin(hint)
    if origin is Annotated:
        return _settle_annotated(value, hint, strict, signed)
    if hint is Any or hint is object or hint is None:
        return value
    if hint is bool or hint is str:
        if not isinstance(value, hint):
            raise ScenarioError(f"{_what(value)} was given, {'true or false' if hint is bool else 'a text'} is wanted")
        return value
    if hint in (int, float):
        return _settle_number(value, hint, signed)
    if origin is Literal:
        if value not in get_args(hint):
            allowed = ", ".join(str(choice) for choice in get_args(hint))
            raise ScenarioError(f"{_what(value)} is not one of {allowed}")
        return value
    if origin in (Union, types.UnionType):
        return _settle_union(value, get_args(hint), strict, signed)
    if origin in (tuple, list, Sequence):
        return _settle_many(value, hint, strict, signed)
    if origin in (dict, Mapping):
        return _settle_table(value, hint, strict, signed)
    return value


def _settle_annotated(value: Any, hint: Any, strict: bool, signed: bool) -> Any:
    first, *_ = said = hint.__metadata__
    settled = _settle_unit(value, first, strict) if first in _UNIT_KINDS else _settle(value, get_args(hint)[0], strict, signed)
    for least in said:
        if isinstance(least, units.Least) and settled < least.value:
            raise ScenarioError(least.otherwise)
    return settled


def _settle_unit(value: Any, kind: str, strict: bool) -> int | float:
    if isinstance(value, str):
        if kind == "count":
            raise ScenarioError(f"{_what(value)} was given, a whole number without quotes is wanted")
        return units.parse(value, kind)
    if isinstance(value, bool) or not _is_number(value):
        raise ScenarioError(f"{_what(value)} was given, a {kind} such as {units.EXAMPLES[kind]!r} is wanted")
    if kind == "count" and isinstance(value, float):
        raise ScenarioError(f"{value} is no count: a whole number is wanted")
    if strict and kind not in ("share", "count") and value != 0:
        allowed = ", ".join(units.UNITS[kind])
        raise ScenarioError(f"{value} has no unit: write a text such as {units.EXAMPLES[kind]!r} (units: {allowed})")
    return units.as_number(value, kind)


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) or hasattr(value, "__index__")


def _settle_number(value: Any, hint: type, signed: bool) -> int | float:
    if isinstance(value, bool) or not _is_number(value) or (hint is int and isinstance(value, float)):
        raise ScenarioError(f"{_what(value)} was given, a {'whole number' if hint is int else 'number'} is wanted")
    if not isinstance(value, float):
        value = operator.index(value)
        if abs(value) > units.MOST:
            raise ScenarioError("the number is absurdly large")
    number: int | float = int(value) if hint is int else float(value)
    if not math.isfinite(number):
        raise ScenarioError(f"{number} is not a finite number")
    if number < 0 and not signed:
        raise ScenarioError(f"{number} is negative; at least 0 is wanted")
    return number


def _settle_union(value: Any, choices: tuple[Any, ...], strict: bool, signed: bool) -> Any:
    if value is None and type(None) in choices:
        return None
    errors: list[str] = []
    for choice in choices:
        if choice is type(None):
            continue
        try:
            return _settle(value, choice, strict, signed)
        except ScenarioError as error:
            errors.append(error.sentence)
    raise ScenarioError(errors[0] if len(errors) == 1 else "; or: ".join(dict.fromkeys(errors)))


def _settle_many(value: Any, hint: Any, strict: bool, signed: bool) -> tuple[Any, ...]:
    if not isinstance(value, (list, tuple)):
        raise ScenarioError(f"{_what(value)} was given, a list is wanted")
    inner = get_args(hint)
    if (len(inner) == 2 and inner[1] is Ellipsis) or get_origin(hint) is not tuple:
        return tuple(_settle(item, inner[0], strict, signed) for item in value)
    if len(inner) != len(value):
        raise ScenarioError(f"{len(value)} values were given, {len(inner)} are wanted")
    return tuple(_settle(item, kind, strict, signed) for item, kind in zip(value, inner, strict=True))


def _settle_table(value: Any, hint: Any, strict: bool, signed: bool) -> dict[str, Any]:
    if not isinstance(value, Mapping):
        raise ScenarioError(f"{_what(value)} was given, a table {{name = value}} is wanted")
    inner = get_args(hint)[1]
    table = {}
    for key, item in value.items():
        try:
            table[str(key)] = _settle(item, inner, strict, signed)
        except ScenarioError as error:
            raise ScenarioError(f"{key}: {error.sentence}") from None
    return table


def _what(value: Any) -> str:
    if value is None:
        return "nothing"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, Mapping):
        return "a table"
    if isinstance(value, (list, tuple)):
        return "a list"
    text = repr(value)
    return text if len(text) <= 48 else text[:45] + "..."


def fields_of(cls: Any) -> tuple[PartField, ...]:
    """The keys of a part class, in the order of its file."""
    return _fields_of(cls)


@cache
def _fields_of(cls: type) -> tuple[PartField, ...]:
    manual = manual_lines(cls)
    entries = []
    for item in dataclasses.fields(cls):
        group = str(item.metadata.get("group", ""))
        hint = Any if group else _resolve(cls, item.name, item.type)
        default: Any = item.default
        factory: Any = item.default_factory
        if default is MISSING and factory is not MISSING:
            default = factory()
        kind = "part" if group else _kind_of(hint, item.type)
        if item.metadata.get("signed"):
            kind = f"signed {kind}"
        entry = PartField(item.name, kind, default, manual.get(item.name, ""), group, hint)
        if default is not MISSING and default is not None:
            entry = dataclasses.replace(entry, default=settle(default, entry, item.name))
        entries.append(entry)
    return tuple(entries)


def _resolve(cls: type, name: str, annotation: Any) -> Any:
    if not isinstance(annotation, str):
        return annotation
    owner = next(c for c in cls.__mro__ if name in inspect.get_annotations(c))
    scope = vars(sys.modules[owner.__module__]) if owner.__module__ in sys.modules else {}
    try:
        return eval(annotation, {**vars(units), **scope})
    except NameError:
        return Any


def _kind_of(hint: Any, written: Any) -> str:
    choices = [choice for choice in get_args(hint) if choice is not type(None)]
    if get_origin(hint) in (Union, types.UnionType) and len(choices) == 1:
        return _kind_of(choices[0], written)
    if get_origin(hint) is Annotated:
        return str(hint.__metadata__[0]) if isinstance(hint.__metadata__[0], str) else _kind_of(get_args(hint)[0], written)
    if get_origin(hint) is Literal:
        return " | ".join(str(choice) for choice in get_args(hint))
    if hint in (int, float, bool, str):
        return str(hint.__name__)
    return written if isinstance(written, str) else str(written)
