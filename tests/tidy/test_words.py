"""No word of unfinished work, no path of somebody's machine, no host of a package registry."""

import re

from tests.tidy import sources

_UNFINISHED = r"\b(TODO|FIXME|XXX|HACK|for now|simplified|stub|dummy|not implemented{more})\b"
UNFINISHED = re.compile(_UNFINISHED.format(more="|placeholder"), re.IGNORECASE)
UNFINISHED_PAGE = re.compile(_UNFINISHED.format(more=""), re.IGNORECASE)  # `placeholder` is an attribute of HTML
CODE = (".py", ".toml", ".sql", ".sh", ".yaml", ".yml", ".js", ".css", ".html")
PAGE = (".js", ".css", ".html")

MACHINE_PATH = re.compile(r"(?<![\w.~$})/-])/(work|root|home/[a-z]\w*|Users/\w+)/")
# In two halves each, so that this file does not name them itself.
REGISTRY_HOST = re.compile(
    r"pypi\."
    r"org|python"
    r"hosted\.org|npmjs\."
    r"(?:org|com)|deb\.debian\."
    r"org|crates\."
    r"io|proxy\.golang\."
    r"org"
)
FOREIGN_CODE = "/vendor/"
SPELT_WRONG = re.compile(r"\b(utils|common|helpers|misc)\b")


def hits(pattern: re.Pattern[str], name: str) -> list[str]:
    lines = (sources.text(name) or "").splitlines()
    return [f"{name}:{at} {line.strip()[:90]}" for at, line in enumerate(lines, 1) if pattern.search(line)]


def test_no_word_of_unfinished_work_stands_in_code() -> None:
    found: list[str] = []
    for name in sources.files():
        if name.endswith(CODE) and not name.startswith("tests/") and FOREIGN_CODE not in name:
            found += hits(UNFINISHED_PAGE if name.endswith(PAGE) else UNFINISHED, name)

    assert found == []


def test_no_path_of_a_machine_stands_anywhere() -> None:
    found = [hit for name in sources.files() if FOREIGN_CODE not in name for hit in hits(MACHINE_PATH, name)]

    assert found == []


def test_no_host_of_a_package_registry_stands_anywhere() -> None:
    found = [hit for name in sources.files() if FOREIGN_CODE not in name for hit in hits(REGISTRY_HOST, name)]

    assert found == []


def test_no_module_is_a_drawer_for_everything() -> None:
    drawers = [name for name in sources.code() if SPELT_WRONG.search(name)]

    assert drawers == []
