"""The files that the tidy tests read: what git tracks, and what it would track."""

import ast
import subprocess
from collections.abc import Iterator
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
ROOMS = ("icd", "astro", "runtime", "node", "ground", "hwsim", "flatsat", "experiments", "benchmarks")
# Rooms that run in virtual time, where order and clock must be the loop's own.
FLIGHT_ROOMS = ("icd", "astro", "runtime", "node", "ground", "hwsim")
TEXT_BYTES_MAX = 300_000


@cache
def files() -> tuple[str, ...]:
    """Return the paths of all files of the repository, sorted, relative to its root."""
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    listed = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    return tuple(sorted(name for name in set(listed.split("\0")) if name and (ROOT / name).is_file()))


@cache
def text(name: str) -> str | None:
    """Return a file's text, or None when it is large or no text."""
    path = ROOT / name
    if path.stat().st_size > TEXT_BYTES_MAX:
        return None
    try:
        return path.read_text(encoding="utf-8")
    except UnicodeDecodeError:
        return None


@cache
def tree(name: str) -> ast.Module:
    """Return a Python file's syntax tree."""
    return ast.parse((ROOT / name).read_text(encoding="utf-8"))


def python(*rooms: str) -> tuple[str, ...]:
    """Return the Python files of some rooms."""
    return tuple(name for name in files() if name.endswith(".py") and name.split("/")[0] in rooms)


def code() -> tuple[str, ...]:
    """Return every Python file but the tests."""
    return tuple(name for name in files() if name.endswith(".py") and not name.startswith("tests/"))


def imports(name: str) -> Iterator[tuple[int, str]]:
    """Yield line and full name of everything that a file imports."""
    for node in ast.walk(tree(name)):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield from ((node.lineno, f"{node.module or ''}.{alias.name}") for alias in node.names)


def dotted(node: ast.expr) -> str:
    """Return `a.b.c` for a name or a chain of attributes, otherwise an empty text."""
    parts: list[str] = []
    while isinstance(node, ast.Attribute):
        parts.append(node.attr)
        node = node.value
    if not isinstance(node, ast.Name):
        return ""
    return ".".join((node.id, *reversed(parts)))
