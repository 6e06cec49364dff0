"""Gate G1: the table is reproduced."""

import json

import pytest
from typer.testing import CliRunner

from experiments.cli import app
from experiments.eclipse_table import STUDY


@pytest.mark.slow
def test_every_figure_of_the_table_is_reproduced() -> None:
    result = CliRunner().invoke(app, ["run", "eclipse-table", "--json"])

    rows = json.loads(result.stdout)["rows"]
    assert result.exit_code == 0
    assert len(rows) == 39
    assert [row["figure"] for row in rows if not row["holds"]] == []


def test_the_study_says_what_it_leaves_out() -> None:
    assert "flattening" in STUDY.leaves_out
