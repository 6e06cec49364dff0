"""Nothing is longer than a reader's patience."""

import ast

from tests.tidy import sources

FUNCTION_LINES_MAX = 50
MODULE_LINES_MAX = 400
CONSTRUCTOR_PARAMETERS_MAX = 6
FILE_BYTES_MAX = 1_000_000


def test_no_function_is_longer_than_fifty_lines() -> None:
    long = [
        f"{name}:{node.lineno} {node.name}"
        for name in sources.code()
        for node in ast.walk(sources.tree(name))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and (node.end_lineno or node.lineno) - node.lineno + 1 > FUNCTION_LINES_MAX
    ]

    assert long == []


def test_no_module_is_longer_than_four_hundred_lines() -> None:
    long = [name for name in sources.code() if len((sources.text(name) or "").splitlines()) > MODULE_LINES_MAX]

    assert long == []


def test_no_constructor_takes_more_than_six_parameters() -> None:
    wide = [
        f"{name}:{node.lineno}"
        for name in sources.code()
        for node in ast.walk(sources.tree(name))
        if isinstance(node, ast.FunctionDef)
        and node.name == "__init__"
        and len(node.args.posonlyargs + node.args.args + node.args.kwonlyargs) - 1 > CONSTRUCTOR_PARAMETERS_MAX
    ]

    assert wide == []


def test_no_file_is_larger_than_a_megabyte() -> None:
    large = [name for name in sources.files() if (sources.ROOT / name).stat().st_size > FILE_BYTES_MAX]

    assert large == []
