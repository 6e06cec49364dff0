"""The experiment holds, and its figures move with what they measure."""

import json

import pytest
from typer.testing import CliRunner

from experiments.cli import app
from experiments.reserve_terminal import STUDY


@pytest.mark.slow
def test_a_reserve_terminal_keeps_a_node_linked_for_longer() -> None:
    rows = STUDY.measure((1,))

    assert [row.holds for row in rows] == [True, True]
    assert rows[0].value > (rows[0].baseline or 1.0)


@pytest.mark.slow
def test_the_command_prints_one_object_of_the_house_shape() -> None:
    result = CliRunner().invoke(app, ["run", "reserve-terminal", "--json"])

    told = json.loads(result.stdout)
    assert result.exit_code == 0
    assert set(told) == {"name", "seeds", "machine", "rows"}
    shape = {"figure", "value", "unit", "baseline", "ratio", "at_least", "at_most", "margin", "holds", "leaves_out"}
    assert set(told["rows"][0]) == shape


def test_an_unknown_experiment_is_one_line_and_exit_code_2() -> None:
    result = CliRunner().invoke(app, ["run", "perpetual-motion"])

    assert result.exit_code == 2
    assert "reserve-terminal" in result.output
