"""Gate G1: the table is reproduced, and the sums behind it are sums over our own shadow."""

import json
import math

import numpy as np
import pytest
from typer.testing import CliRunner

from astro import sun
from astro.frames import TemeTrack
from experiments.cli import app
from experiments.eclipse_table import STUDY, eclipse_min


@pytest.mark.slow
def test_every_figure_of_the_table_is_reproduced() -> None:
    result = CliRunner().invoke(app, ["run", "eclipse-table", "--json"])

    rows = json.loads(result.stdout)["rows"]
    assert result.exit_code == 0
    assert len(rows) == 39
    assert [row["figure"] for row in rows if not row["holds"]] == []


@pytest.mark.parametrize("beta_deg", [0.0, 30.0, 60.0])
def test_an_eclipse_lasts_as_long_as_the_cylinder_of_the_closed_form(beta_deg: float) -> None:
    """A circle of radius a at beta enters a cylinder of radius R where cos u = sqrt(1 - (R/a)^2) / cos beta."""
    radius_km, beta = 6928.0, math.radians(beta_deg)
    half = math.acos(math.sqrt(1.0 - (6378.1366 / radius_km) ** 2) / math.cos(beta))
    period_min = math.tau * math.sqrt(radius_km**3 / 398_600.4418) / 60.0

    found = eclipse_min(
        radius_km,
        np.array([[0.0, 0.0, 1.0]]),
        TemeTrack(sun.AU_KM * np.array([[math.cos(beta), 0.0, math.sin(beta)]])),
    )

    assert found[0] == pytest.approx(half / math.pi * period_min, abs=0.01)


def test_the_study_says_what_it_leaves_out() -> None:
    assert "flattening" in STUDY.leaves_out
