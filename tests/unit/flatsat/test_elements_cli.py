"""`dawnline elements`: what it says of a file, what it prints of a constellation, and one line for a mistake."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from astro import elements
from flatsat.cli import app

RUNNER = CliRunner()
SAMPLE = "tests/fixtures/elements/sample.tle"
AT = "2026-08-22T12:00:00Z"
SHELL = ["--planes", "3", "--per-plane", "4", "--altitude-km", "550", "--inclination-deg", "53", "--phasing", "1"]


def test_check_says_what_it_leaves_out_with_rows_and_reasons_and_exits_with_1() -> None:
    result = RUNNER.invoke(app, ["elements", "check", SAMPLE, "--at", AT])

    lines = result.stdout.splitlines()
    assert result.exit_code == 1
    assert lines[-1] == (
        "4 good at 2026-08-22T12:00:00.000Z, 9 left out: 5 malformed, 1 duplicated, 1 stale, 2 decayed."
    )
    assert [int(line.split(":")[0].removeprefix("row ")) for line in lines[:-1]] == [5, 8, 11, 14, 20, 23, 26, 28, 31]


def test_check_prints_the_same_as_json() -> None:
    result = RUNNER.invoke(app, ["elements", "check", SAMPLE, "--json"])

    report = json.loads(result.stdout)
    assert report["at"] == "2026-08-22T14:21:25.121Z"  # the newest epoch in the file
    assert (report["good"], report["malformed"], report["duplicated"], report["stale"], report["decayed"]) == (
        *(4, 5, 1, 1, 2),
    )
    assert report["left_out"][3] == {
        "row": 14,
        "name": "STARLINK-3308",
        "number": 50846,
        "reason": "duplicated",
        "text": "catalogue number 50846 stands again in row 17, which is newer, of 2026-08-22T11:48:43.552Z;"
        " that one stays",
    }


@pytest.mark.parametrize("kind", ["json", "csv", "xml", "kvn"])
def test_a_file_without_fault_passes_whatever_its_kind(kind: str) -> None:
    result = RUNNER.invoke(app, ["elements", "check", f"tests/fixtures/elements/three.{kind}"])

    assert result.exit_code == 0
    assert result.stdout.startswith("3 good at 2026-08-22T11:48:43.552Z, 0 left out")


def test_a_shell_is_printed_as_a_file_that_check_passes(tmp_path: Path) -> None:
    result = RUNNER.invoke(app, ["elements", "shell", *SHELL, "--at", AT, "--name", "ring"])

    made, left_out = elements.load(result.stdout)
    (tmp_path / "shell.tle").write_text(result.stdout)
    assert (result.exit_code, len(made), left_out) == (0, 12, ())
    assert made[0].name == "ring-1-1"
    assert RUNNER.invoke(app, ["elements", "check", str(tmp_path / "shell.tle")]).exit_code == 0


def test_a_dawn_dusk_plane_is_printed() -> None:
    result = RUNNER.invoke(
        app, ["elements", "dawn-dusk", "--altitude-km", "650", "--count", "4", "--ltan-h", "18", "--at", AT]
    )

    made, _ = elements.load(result.stdout)
    assert [one.name for one in made] == ["DAWNDUSK-1", "DAWNDUSK-2", "DAWNDUSK-3", "DAWNDUSK-4"]
    assert {one.line2[8:16] for one in made} == {" 98.0108"}


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["check", "none.tle"], "dawnline: cannot read none.tle: No such file or directory"),
        (["check", "README.md"], "dawnline: README.md holds no element set that can be read; allowed are two-line"),
        (["check", "tests/fixtures/store-version-1.db"], "not UTF-8 text"),
        (["check", SAMPLE, "--at", "noon"], "dawnline: --at: Invalid isoformat string: 'noon'; write it as 2026-"),
        (["shell", *SHELL, "--at", "noon"], "dawnline: --at: Invalid isoformat string: 'noon'; write it as 2026-"),
        (["shell", *SHELL[:-1], "3", "--at", AT], "dawnline: phasing 3 is not from 0 to 2"),
        (["shell", *SHELL, "--at", AT, "--name", "a b"], "dawnline: --name 'a b': allowed are 1 to 63 of letters"),
        (["shell", *SHELL, "--at", "2101-01-01T00:00:00Z"], "dawnline: epoch of the year 2101; allowed are 1957 to"),
        (
            ["dawn-dusk", "--altitude-km", "9000", "--count", "1", "--at", AT],
            "dawnline: altitude 9000 km is too high for a sun-synchronous orbit",
        ),
    ],
)
def test_bad_input_is_one_line_and_exit_code_2(arguments: list[str], says: str) -> None:
    result = RUNNER.invoke(app, ["elements", *arguments])

    assert result.exit_code == 2
    assert says in result.stderr
    assert result.stderr.count("\n") == 1
    assert result.stdout == ""
