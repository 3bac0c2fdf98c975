"""Where machine code is kept when the usual folder cannot take it: a folder of one's own, and none that somebody else has laid out."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

import pytest

from sim.kernel import jit


@pytest.fixture
def nowhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder for temporary files of a user who has no folder for a cache."""
    (tmp_path / "file").write_text("")
    monkeypatch.delenv("NUMBA_CACHE_DIR", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    return tmp_path


def test_without_a_home_the_cache_is_in_a_folder_that_nobody_else_may_write_to(nowhere: Path) -> None:
    folder = Path(jit._cache_folder())
    assert folder.parent == nowhere and folder.stat().st_mode & 0o777 == 0o700
    assert jit._cache_folder() == str(folder)  # the next process finds what this one has compiled


def test_a_folder_that_somebody_else_has_laid_out_is_not_used(nowhere: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Machine code from there would be run."""
    folder = Path(jit._cache_folder())
    folder.rename(nowhere / "theirs")
    folder.symlink_to(nowhere / "theirs")
    assert Path(jit._cache_folder()).name not in (folder.name, "theirs")


def test_a_folder_that_is_there_and_cannot_be_written_to_is_not_used(
    nowhere: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Numba would keep its code beside our sources, by the file of each function alone, and run old code later on."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "home"))
    usual = jit._cache_folder()
    assert usual.startswith(str(tmp_path / "home"))
    monkeypatch.setattr(os, "access", lambda place, how: str(place) != usual)
    assert jit._cache_folder() != usual
