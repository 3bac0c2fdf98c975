"""Presets: keys that somebody runs in production, under one name.

A part offers them as `presets: ClassVar[Mapping[str, Preset]]` beside a field `preset: str = ""`. What a scenario gives beside
the preset wins, whether or not it equals a default; `@part` fills in the rest.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from typing import Any

from sim.kernel.errors import ScenarioError


@dataclass(frozen=True)
class Preset:
    """What one project runs."""

    told: str
    """Whose figures these are, in a few words."""
    keys: Mapping[str, Any] = field(default_factory=dict)
    """Values for the part's own keys, written as a scenario file writes them."""
    block_interval: str = ""
    """The block period that goes with them, or ''."""
    least_seats: int = 4
    """Fewer validators make no sense: 4 are needed to stand one liar."""

    def shown(self) -> str:
        """Everything it sets, as a scenario file writes it."""
        whole = {**self.keys, **({"block_interval": self.block_interval} if self.block_interval else {})}
        return ", ".join(f"{name} = {value}" for name, value in whole.items())


def preset_of(presets: Mapping[str, Preset], name: str) -> Preset:
    """The preset of that name; ScenarioError with the nearest known one where there is none."""
    found = presets.get(name)
    if found is None:
        near = get_close_matches(name, list(presets), 1)
        hint = f"did you mean {near[0]!r}?" if near else f"there are {', '.join(presets)}"
        raise ScenarioError(f"no preset is called {name!r}; {hint}", "preset")
    return found


def chosen(part: Any) -> Preset | None:
    """The preset a part was made with."""
    name = getattr(part, "preset", "")
    return preset_of(type(part).presets, name) if name else None


def filled_from(presets: Mapping[str, Preset], given: Mapping[str, Any]) -> dict[str, Any]:
    """The keys given and, for the others, what the preset among them says."""
    name = given.get("preset")
    return {**preset_of(presets, name).keys, **given} if name and isinstance(name, str) else dict(given)
