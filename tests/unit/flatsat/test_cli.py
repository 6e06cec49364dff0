"""The `dawnline` command: help with examples, and one line with exit code 2 for bad input."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer.main
from typer.testing import CliRunner

from flatsat import cli
from tests.unit.flatsat import missions

RUNNER = CliRunner()
ROOT = typer.main.get_command(cli.app)
MISSION = "missions/first-light.toml"


def commands(command: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Any]]:
    """Yield every command that does something, with its words."""
    inner = getattr(command, "commands", None)
    if inner is None:
        yield path, command
        return
    for name, one in inner.items():
        yield from commands(one, (*path, name))


ALL = dict(commands(ROOT))


def invoke(*words: str) -> tuple[int, str, str]:
    result = RUNNER.invoke(cli.app, list(words), env={"COLUMNS": "200"})
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    return result.exit_code, result.stdout, result.stderr


def test_every_command_that_was_promised_is_there() -> None:
    promised = (
        "up fly keys_init job_submit job_list job_show job_logs job_fetch job_cancel tc_send tc_list tc_show node_list"
        " node_show event_list event_follow fault_list fault_inject experiment_list experiment_run"
    )

    assert [name for name in promised.split() if tuple(name.split("_")) not in ALL] == []


@pytest.mark.parametrize("words", ALL, ids=" ".join)
def test_the_help_of_every_command_has_an_example_that_calls_it(words: tuple[str, ...]) -> None:
    code, out, _ = invoke(*words, "--help")

    assert code == 0
    assert f"Example: dawnline {' '.join(words)}" in " ".join(out.split())
    assert ALL[words].help


@pytest.mark.parametrize("words", ALL, ids=" ".join)
def test_every_option_and_argument_is_explained(words: tuple[str, ...]) -> None:
    silent = [one.name for one in ALL[words].params if not getattr(one, "help", None) and one.name != "help"]

    assert silent == []


BAD = {
    "no mission": (("up", "missions/none.toml"), "cannot read missions/none.toml: No such file or directory"),
    "no mission to fly": (("fly", "missions/none.toml"), "cannot read missions/none.toml: No such file or directory"),
    "broker": (("up", MISSION, "--broker", "kafka"), "--broker 'kafka' is not one of embedded, mosquitto"),
    "rate": (("up", MISSION, "--rate", "0"), "--rate 0 is not above 0 and at most 1000"),
    "rate that is no number": (("up", MISSION, "--rate", "nan"), "--rate nan is not above 0 and at most 1000"),
    "duration": (("up", MISSION, "--for", "soon"), "--for 'soon' is not a duration: write 90s, 10m or 1.5h"),
    "node name": (("keys", "init", "k", "--node", "Node 1"), "--node 'Node 1': a name is 1 to 63 of"),
    "two nodes of one name": (("keys", "init", "k", "--node", "a", "--node", "a"), "'a' stands twice"),
    "fault duration": (("fault", "inject", "LINK_CUT", "n", "--for", "x"), "--for 'x' is not a duration"),
    "fault without a run": (("fault", "inject", "LINK_CUT", "n", "--run", "none"), "no run in none: start one with"),
    "fault name": (("fault", "inject", "LINK_CUT", "n", "--id", "A B"), "--id 'A B': a name is"),
    "node of a fault": (("fault", "inject", "LINK_CUT", "Node 1"), "NODE 'Node 1': "),
    "unit of a fault": (("fault", "inject", "LINK_CUT", "n", "--unit", "u" * 40), "--unit 'uuu"),
    "endless fault": (("fault", "inject", "LINK_CUT", "n", "--for", "999999999h"), "--for '3"),
    "terminal of a fault": (("fault", "inject", "LINK_CUT", "n", "--terminal", "99"), "--terminal '99': "),
    "experiment": (("experiment", "run", "none"), "no experiment 'none'; there are "),
}


@pytest.mark.parametrize("what", BAD)
def test_bad_input_is_one_line_that_says_what_and_exit_code_2(
    what: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    words, says = BAD[what]
    (tmp_path / "missions").symlink_to(Path("missions").resolve())
    monkeypatch.chdir(tmp_path)

    code, out, err = invoke(*words)

    assert code == 2
    assert out == ""
    assert err.startswith("dawnline: ")
    assert says in err
    assert err.count("\n") == 1
    assert [path.name for path in tmp_path.iterdir()] == ["missions"]


@pytest.mark.parametrize(
    "words", [("up",), ("up", MISSION, "--port", "99999"), ("fault", "inject", "GREMLIN", "n"), ("nonsense",)]
)
def test_what_the_parser_refuses_is_exit_code_2_too(words: tuple[str, ...]) -> None:
    code, _, err = invoke(*words)

    assert code == 2
    assert err


def test_a_mistake_in_a_mission_reaches_the_operator_as_it_is(tmp_path: Path) -> None:
    path = missions.copy(tmp_path)
    missions.edit(path, "seed = 7", 'seed = "x"')

    code, _, err = invoke("fly", str(path), "--out", str(tmp_path / "out"))

    assert code == 2
    assert err.startswith(f"dawnline: {path}: seed: ")
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("as_json", [False, True])
def test_making_keys_prints_names_and_no_secret(tmp_path: Path, as_json: bool) -> None:
    keys = tmp_path / "keys"

    code, out, err = invoke("keys", "init", str(keys), "--node", "node-1", *(["--json"] if as_json else []))
    secrets = [path.read_text().strip() for path in keys.rglob("*") if path.is_file()]

    assert code == 0
    assert len(secrets) > 10
    assert [secret for secret in secrets if secret in out + err] == []
    if as_json:
        assert "fleet.key" in json.loads(out)["files"]
    else:
        assert out.count("\n") == 1


def test_keys_are_not_made_over_others(tmp_path: Path) -> None:
    (tmp_path / "mine").write_text("precious")

    code, _, err = invoke("keys", "init", str(tmp_path), "--node", "node-1")

    assert code == 2
    assert "is not empty: keys are never overwritten" in err
    assert [path.name for path in tmp_path.iterdir()] == ["mine"]


def test_the_catalogue_of_faults_is_shown_without_a_run(tmp_path: Path) -> None:
    code, out, _ = invoke("fault", "list", "--json", "--run", str(tmp_path / "none"))

    assert code == 0
    assert json.loads(out)["active"] == []
    assert "LINK_CUT" in json.loads(out)["kinds"]


def test_experiments_are_listed() -> None:
    code, out, _ = invoke("experiment", "list", "--json")

    assert code == 0
    assert "reserve-terminal" in [row["name"] for row in json.loads(out)["experiments"]]
