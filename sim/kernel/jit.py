"""Compile with Numba where it is there; run the very same functions interpreted where it is not.

Interpreted and compiled runs give the same bits: all arithmetic that could differ is written on explicit 64-bit integers.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from hashlib import blake2b
from pathlib import Path
from typing import Any, TypeVar

F = TypeVar("F", bound=Callable[..., Any])

JIT_DISABLED = os.environ.get("NUMBA_DISABLE_JIT", "0") not in ("", "0")


def _cache_folder() -> str:
    """Where machine code is kept: one folder for each state of our sources.

    Numba's own cache looks only at the file of the function itself, so a change in a function that it calls would go
    unnoticed and old machine code would run on.
    """
    package = Path(__file__).parent.parent
    state = blake2b(digest_size=8)
    for floor in ("kernel", "net", "gossip", "membership", "availability"):
        for source in sorted((package / floor).rglob("*.py")):
            text = source.read_bytes()
            if floor != "availability" or b"sim.kernel.jit" in text:  # most of that floor is Python's alone
                state.update(text)
    home = os.environ.get("NUMBA_CACHE_DIR") or os.environ.get("XDG_CACHE_HOME") or os.path.join(os.path.expanduser("~"), ".cache")
    folder = Path(home) / "medgossip" / f"core-{state.hexdigest()}"
    with suppress(OSError):
        folder.mkdir(parents=True, exist_ok=True)
    return str(folder) if os.access(folder, os.W_OK | os.X_OK) else _folder_for_a_while(folder.name)


def _folder_for_a_while(name: str) -> str:
    """Where nothing can be kept at home: a folder of this user's own, for whoever may write there has his machine code run."""
    folder = Path(tempfile.gettempdir()) / f"medgossip-{os.getuid()}-{name}"
    folder.mkdir(mode=0o700, exist_ok=True)
    mine = folder.stat().st_uid == os.getuid() and not folder.is_symlink()
    return str(folder) if mine else tempfile.mkdtemp(prefix="medgossip-")


try:
    import numba
except ImportError:
    COMPILED = False
else:
    COMPILED = not JIT_DISABLED

CACHE_FOLDER = _cache_folder() if COMPILED else ""


@contextmanager
def own_cache() -> Iterator[None]:
    """Functions decorated inside keep their machine code in our folder; other packages keep their own."""
    before = numba.config.CACHE_DIR
    numba.config.CACHE_DIR = CACHE_FOLDER
    try:
        yield
    finally:
        numba.config.CACHE_DIR = before


def njit(function: F) -> F:
    """Compile `function` on its first call and keep the machine code on disk; the function itself when interpreted."""
    if not COMPILED:
        return function
    with own_cache():
        compiled: F = numba.njit(cache=True, error_model="numpy", nogil=True)(function)
    return _of_one_width(compiled)


def inlined(function: F) -> F:
    """Like `njit`, for a few lines on the hottest path that should leave no call behind."""
    if not COMPILED:
        return function
    with own_cache():
        compiled: F = numba.njit(cache=True, error_model="numpy", nogil=True, inline="always")(function)
    return compiled


def _of_one_width(compiled: F) -> F:
    """One machine code, for 64-bit numbers, however a compiled caller writes them.

    Left to itself Numba compiles a function once more for each literal and each narrower column that it is called with: the core
    held thirteen copies of `new_envelope`, and a third of the time to compile went into such copies.
    """
    usual = compiled.get_call_template  # type: ignore[attr-defined]

    def with_wide_arguments(arguments: Any, named: Any) -> Any:
        return usual(tuple(_wide(kind) for kind in arguments), {name: _wide(kind) for name, kind in named.items()})

    compiled.get_call_template = with_wide_arguments  # type: ignore[attr-defined]
    return compiled


def _wide(kind: Any) -> Any:
    kind = numba.types.unliteral(kind)
    return numba.types.int64 if isinstance(kind, numba.types.Integer) and kind.signed and kind.bitwidth < 64 else kind


def is_cached(name: str) -> bool:
    """Whether machine code for a function of that name was left on disk by an earlier process."""
    return not COMPILED or any(Path(CACHE_FOLDER).rglob(f"*.{name}-*.nbi"))
