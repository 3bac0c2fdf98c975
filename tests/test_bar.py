"""What a command says of how far it has come."""

from __future__ import annotations

import time

import pytest

from sim.study import bar
from sim.study.bar import Bar


def test_a_beginning_is_told_only_once_it_has_taken_long(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(bar, "PATIENCE_S", 0.05)
    with Bar(quiet=False) as quick:
        quick(0.0, "compiling")
    time.sleep(0.1)
    assert capsys.readouterr().err == "", "it was over before"
    with Bar(quiet=False) as slow:
        slow(0.0, "compiling")
        time.sleep(0.2)
        slow(0.5, "at 3 s")
        slow(0.55, "at 3.3 s")
        slow(0.0, "another one")
        slow(0.5, "at 3 s")
    assert capsys.readouterr().err == "  0%  compiling\n 50%  at 3 s\n 50%  at 3 s\n", "a line every tenth, anew for each run"
    with Bar(quiet=True) as still:
        still(0.0, "compiling")
        still(0.5, "at 3 s")
        time.sleep(0.1)
    assert capsys.readouterr().err == ""
