"""How modules, enumerations, defaults and tests are written."""

import ast

from tests.tidy import sources

# Types of one immutable value, which may be shared.
IMMUTABLE = ("MissionTime", "NodeId", "JobId", "RequestId", "TransferId", "KeyId", "TenantId", "frozenset", "tuple")


def test_every_init_file_is_empty() -> None:
    full = [name for name in sources.files() if name.endswith("/__init__.py") and (sources.text(name) or "").strip()]

    assert full == []


def test_no_import_is_relative() -> None:
    relative = [
        f"{name}:{node.lineno}"
        for name in sources.files()
        if name.endswith(".py")
        for node in ast.walk(sources.tree(name))
        if isinstance(node, ast.ImportFrom) and node.level > 0
    ]

    assert relative == []


def test_every_enumeration_is_unique() -> None:
    loose = [
        f"{name}:{node.lineno} {node.name}"
        for name in sources.code()
        for node in ast.walk(sources.tree(name))
        if isinstance(node, ast.ClassDef)
        and any(sources.dotted(base).endswith(("Enum", "Flag")) for base in node.bases)
        and not any(sources.dotted(decorator).endswith("unique") for decorator in node.decorator_list)
    ]

    assert loose == []


def test_no_field_default_is_made_once_for_all() -> None:
    """`field(default=T())` shares one T between all instances; `default_factory` does not."""
    shared = [
        f"{name}:{node.lineno}"
        for name in sources.code()
        for node in ast.walk(sources.tree(name))
        if isinstance(node, ast.Call)
        and sources.dotted(node.func) in ("field", "dataclasses.field")
        and any(keyword.arg == "default" and is_made(keyword.value) for keyword in node.keywords)
    ]

    assert shared == []


def is_made(value: ast.expr) -> bool:
    return isinstance(value, ast.Call) and sources.dotted(value.func) not in IMMUTABLE


def test_every_test_asserts_something() -> None:
    hollow = []
    for name in sources.python("tests"):
        for node in ast.walk(sources.tree(name)):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name.startswith("test_"):
                body = ast.dump(node)
                if "Assert(" not in body and "raises" not in body and "assert" not in body.lower():
                    hollow.append(f"{name}:{node.lineno} {node.name}")

    assert hollow == []


def test_no_test_sleeps() -> None:
    asleep = [
        f"{name}:{node.lineno}"
        for name in sources.python("tests")
        if name.split("/")[1] in ("unit", "property", "contract", "svf")
        for node in ast.walk(sources.tree(name))
        if isinstance(node, ast.Call) and sources.dotted(node.func) == "time.sleep"
    ]

    assert asleep == []
