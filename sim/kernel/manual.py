"""The manual beside the code: the text beneath or the comment behind each field of a dataclass.

Read from the source when somebody asks, so that the manual of a part and the part cannot drift apart.
"""

from __future__ import annotations

import ast
import dataclasses
import inspect
import textwrap


def manual_lines(cls: type) -> dict[str, str]:
    """The text beneath or the comment behind each field, by name; empty where the source is not at hand."""
    lines: dict[str, str] = {}
    for owner in reversed(cls.__mro__):
        if not dataclasses.is_dataclass(owner):
            continue
        try:
            source = textwrap.dedent(inspect.getsource(owner))
            body = ast.parse(source).body[0]
        except (OSError, TypeError, SyntaxError, IndexError):
            continue
        if isinstance(body, ast.ClassDef):
            lines.update(_beside(body, source.splitlines()))
    return lines


def _beside(body: ast.ClassDef, source: list[str]) -> dict[str, str]:
    found: dict[str, str] = {}
    for statement, following in zip(body.body, [*body.body[1:], None], strict=True):
        if not isinstance(statement, ast.AnnAssign) or not isinstance(statement.target, ast.Name):
            continue
        text = ""
        if isinstance(following, ast.Expr) and isinstance(following.value, ast.Constant):
            text = " ".join(str(following.value.value).split())
        else:
            line = source[(statement.end_lineno or statement.lineno) - 1]
            behind = line.encode()[statement.end_col_offset or 0 :].decode()
            text = behind.split("#", 1)[1].strip() if "#" in behind else ""
        found[statement.target.id] = text
    return found
