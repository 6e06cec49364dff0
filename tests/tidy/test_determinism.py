"""Time, chance and order come from the loop, the clock and the seeds alone."""

import ast
import re
from collections.abc import Iterator

from tests.tidy import sources

CLOCK_READERS = ("runtime/clock.py", "runtime/timers.py")
# Calls that read a clock, draw at random, or order tasks by their address.
BANNED_CALL = re.compile(
    r"^(time\.\w+|(datetime\.)?(datetime|date)\.(now|utcnow|today)|uuid\.uuid[14]|uuid[14]"
    r"|(asyncio\.)?TaskGroup|asyncio\.wait|os\.urandom|(np|numpy)\.random\.(?!Generator|PCG64|SeedSequence)\w+"
    r"|random\.(?!Random$)\w+|\w*loop\.time|self\._loop\.time)$"
)
BANNED_IMPORT = re.compile(r"^(time(\..*)?|uuid\.uuid[14]|random\.(?!Random$)\w+|asyncio\.(wait|TaskGroup))$")
UNORDERED_CALLS = ("set", "frozenset")


def test_only_the_clock_reads_a_clock_and_only_seeds_draw() -> None:
    found = [
        f"{name}:{line} {what}"
        for name in sources.python(*sources.FLIGHT_ROOMS)
        if name not in CLOCK_READERS
        for line, what in (*banned_calls(name), *banned_imports(name))
    ]

    assert found == []


def banned_calls(name: str) -> Iterator[tuple[int, str]]:
    for node in ast.walk(sources.tree(name)):
        if isinstance(node, ast.Call) and BANNED_CALL.match(sources.dotted(node.func)):
            yield node.lineno, sources.dotted(node.func)


def banned_imports(name: str) -> Iterator[tuple[int, str]]:
    # `import random` for random.Random is fine; the calls are what is banned.
    for line, what in sources.imports(name):
        if BANNED_IMPORT.match(what):
            yield line, what


def test_nothing_iterates_over_a_set_made_on_the_spot() -> None:
    """The order of a set follows the hash seed; `sorted(...)` or a dict has an order of its own."""
    found = []
    for name in sources.python(*sources.FLIGHT_ROOMS):
        for node in ast.walk(sources.tree(name)):
            if isinstance(node, ast.For | ast.comprehension) and is_unordered(node.iter):
                found.append(f"{name}:{node.iter.lineno}")

    assert found == []


def is_unordered(node: ast.expr) -> bool:
    if isinstance(node, ast.Call):
        return sources.dotted(node.func) in UNORDERED_CALLS
    return isinstance(node, ast.Set | ast.SetComp)


def test_no_app_and_no_port_waits() -> None:
    waits = [
        f"{name}:{getattr(node, 'lineno', 0)}"
        for name in sources.python("node")
        if name.startswith(("node/apps/", "node/ports/"))
        for node in ast.walk(sources.tree(name))
        if isinstance(node, ast.Await | ast.AsyncFunctionDef | ast.AsyncFor | ast.AsyncWith)
    ]

    assert waits == []
