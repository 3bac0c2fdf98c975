"""The list of planted bugs that drawn runs must find: by name the protocol, the check that must see it, and what is exchanged."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

Patch = tuple[Any, str, Any]
BUGS: dict[str, tuple[str, str, int, Callable[[], list[Patch]]]] = {}
"""By name: the protocol, the check that must see it, the drawn run from which on it is looked for, and what is exchanged."""


def bug(protocol: str, check: str, first: int = 0) -> Callable[[Callable[[], list[Patch]]], Callable[[], list[Patch]]]:
    """Enter a bug; `first` spares the tests the runs before, in which nothing comes of it."""

    def enter(patches: Callable[[], list[Patch]]) -> Callable[[], list[Patch]]:
        BUGS[f"{protocol}: {patches.__name__}"] = (protocol, check, first, patches)
        return patches

    return enter


def forgetting(known: Any, field: str = "voted") -> Any:
    """Promises in which one field is never kept."""
    return type("Forgetting", (known,), {field: property(lambda self: -1, lambda self, value: None)})
