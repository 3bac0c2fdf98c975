"""The package as a stranger meets it: entry points lead somewhere, one version, a quick import, a command that helps."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest

import sim

ROOT = Path(__file__).parent.parent
PROJECT: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
PLACES = [
    pytest.param(place, id=f"{group}-{kind}")
    for group, kinds in {**PROJECT["entry-points"], "scripts": PROJECT["scripts"]}.items()
    for kind, place in kinds.items()
]
HEAVY = ("matplotlib", "networkx", "pandas", "aiohttp", "numba", "numpy")


def trouble_with(place: str, root: Path = ROOT) -> str:
    """Why `module:name` leads nowhere, read from the source without importing it; '' if it leads somewhere."""
    module, _, name = place.partition(":")
    file = root / (module.replace(".", "/") + ".py")
    if not file.is_file():
        return f"there is no {module}"
    defined = {getattr(node, "name", "") for node in ast.parse(file.read_text("utf-8")).body}
    return "" if name in defined else f"{module} defines no {name}"


def python(*arguments: str) -> subprocess.CompletedProcess[str]:
    """A fresh interpreter, in the project's root."""
    return subprocess.run([sys.executable, *arguments], cwd=ROOT, capture_output=True, text=True, timeout=120, check=False)


@pytest.mark.parametrize("place", PLACES)
def test_entry_point_leads_somewhere(place: str) -> None:
    assert trouble_with(place) == ""


@pytest.mark.parametrize("place", ["sim.net.nowhere:Ring", "sim.net.topologies:Rong"])
def test_an_entry_point_that_leads_nowhere_is_seen(place: str) -> None:
    assert trouble_with(place)


def test_every_group_the_finder_knows_has_parts() -> None:
    from sim.study.plugins import GROUPS

    assert {group.removeprefix("medgossip.") for group in PROJECT["entry-points"]} == set(GROUPS)


def test_one_version() -> None:
    cited = re.search(r"^version: (\S+)$", (ROOT / "CITATION.cff").read_text("utf-8"), re.MULTILINE)
    assert cited is not None
    assert sim.__version__ == PROJECT["version"] == cited[1] == sim.show_versions()["medgossip"]
    assert sim.__version__ in (ROOT / "CHANGELOG.md").read_text("utf-8")


def test_import_is_light() -> None:
    loaded = python("-c", f"import sim, sys; print([name for name in {HEAVY} if name in sys.modules])")
    assert loaded.stdout.strip() == "[]", loaded.stderr


@pytest.mark.parametrize("name", sim.__all__)
def test_public_name_is_there_and_offered(name: str) -> None:
    assert getattr(sim, name) is not None
    assert name in dir(sim)


def test_a_name_that_is_not_there_says_what_is() -> None:
    with pytest.raises(AttributeError, match=r"'rnu'.*run"):
        getattr(sim, "rnu")  # noqa: B009


@pytest.mark.parametrize("command", [("-m", "sim", "--help"), ("-c", "from sim.cli import main; main()", "--help")])
def test_the_command_helps(command: tuple[str, ...]) -> None:
    helped = python(*command)
    assert helped.returncode == 0, helped.stderr
    assert "run" in helped.stdout
    assert "sweep" in helped.stdout


def test_the_licence_is_apache_2() -> None:
    text = (ROOT / "LICENSE").read_text("utf-8")
    assert "Apache License" in text
    assert "Version 2.0, January 2004" in text
    assert "END OF TERMS AND CONDITIONS" in text
    assert PROJECT["license"] == "Apache-2.0"
