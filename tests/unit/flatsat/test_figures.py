"""Figures: a row and its requirement, the exit code, and the one shape of what `--json` prints."""

import io
import json
import math
from typing import Any

import pytest
from rich.console import Console

from experiments import figures
from experiments.figures import Row, Study

FAST = Row("rate", 200.0, "1/s", "peer", 50.0, at_least=3.0)
SLOW = Row("rate", 100.0, "1/s", "peer", 50.0, at_least=3.0)


def measured(*rows: Row, as_json: bool = True) -> tuple[int, str]:
    study = Study("name", "A title", (7, 8), "what is left out", lambda seeds: list(rows) if seeds == (7, 8) else [])
    out = io.StringIO()
    code = figures.run(study, as_json, Console(file=out, width=200))
    return code, out.getvalue()


@pytest.mark.parametrize(
    ("row", "ratio", "holds"),
    [
        (FAST, 4.0, True),
        (SLOW, 2.0, False),
        (Row("error", 1.0, "km", "peer", 2.0, at_most=0.5), 0.5, True),
        (Row("error", 1.1, "km", "peer", 2.0, at_most=0.5), 0.55, False),
        (Row("share", 0.9, "1", at_least=0.9), None, True),
        (Row("losses", 0.0, "jobs", at_most=0.0), None, True),
        (Row("losses", 1.0, "jobs", at_most=0.0), None, False),
        (Row("rate", 5.0, "1/s", "peer", 0.0, at_least=1.0), None, False),
        (Row("rate", math.nan, "1/s", at_least=1.0), None, False),
        (Row("rate", math.nan, "1/s", at_most=1.0), None, False),
        (Row("span", 35.6, "min", "table", 35.5, within=0.2), 35.6 / 35.5, True),
        (Row("span", 35.2, "min", "table", 35.5, within=0.2), 35.2 / 35.5, False),
        (Row("span", 35.8, "min", "table", 35.5, within=0.2), 35.8 / 35.5, False),
    ],
)
def test_a_requirement_binds_the_ratio_where_there_is_a_baseline_else_the_value(
    row: Row, ratio: float | None, holds: bool
) -> None:
    assert row.ratio == pytest.approx(ratio)
    assert row.holds is holds


@pytest.mark.parametrize(
    "fields",
    [
        {},
        {"at_least": 1.0, "at_most": 2.0},
        {"within": 1.0, "at_most": 2.0, "baseline_name": "peer", "baseline": 1.0},
        {"within": 1.0},
        {"at_least": 1.0, "baseline": 1.0},
        {"at_least": 1.0, "baseline_name": "peer"},
    ],
)
def test_a_row_that_requires_nothing_or_has_half_a_baseline_is_refused(fields: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"^rate: give "):
        Row("rate", 1.0, "1/s", **fields)


@pytest.mark.parametrize(("rows", "code"), [((FAST,), 0), ((FAST, SLOW), 1), ((), 1)])
def test_the_exit_code_is_0_when_every_row_holds_and_there_is_one(rows: tuple[Row, ...], code: int) -> None:
    assert measured(*rows)[0] == code
    assert measured(*rows, as_json=False)[0] == code


def test_json_has_the_shape_of_the_house() -> None:
    shape = json.loads(measured(FAST, Row("losses", 0.0, "jobs", at_most=0.0))[1])

    assert set(shape) == {"name", "seeds", "machine", "rows"}
    assert shape["seeds"] == [7, 8]
    assert set(shape["machine"]) == {"cores", "cpu", "python"}
    assert shape["rows"][0] == {
        "figure": "rate",
        "value": 200.0,
        "unit": "1/s",
        "baseline": {"name": "peer", "value": 50.0},
        "ratio": 4.0,
        "at_least": 3.0,
        "at_most": None,
        "margin": pytest.approx(4.0 / 3.0),
        "holds": True,
        "leaves_out": "",
    }
    assert shape["rows"][1]["baseline"] is None
    assert shape["rows"][1]["ratio"] is None


@pytest.mark.parametrize(
    ("row", "margin"),
    [
        (FAST, 4.0 / 3.0),
        (Row("error", 1.0, "km", "peer", 2.0, at_most=0.75), 1.5),
        (Row("error", 0.2, "s", at_most=1.0), 5.0),
        (Row("losses", 0.0, "jobs", at_most=0.0), None),
        (Row("span", 35.6, "min", "table", 35.5, within=0.2), 2.0),
        (Row("rate", math.nan, "1/s", at_least=1.0), None),
    ],
)
def test_the_margin_is_how_many_times_over_the_requirement_is_met(row: Row, margin: float | None) -> None:
    assert row.margin == pytest.approx(margin)


def test_a_requirement_on_the_difference_is_told_as_bounds_of_the_ratio() -> None:
    row = Row("span", 35.6, "min", "table", 40.0, within=4.0)

    assert (row.as_json()["at_least"], row.as_json()["at_most"]) == pytest.approx((0.9, 1.1))
    assert row.required() == "within 4 min"


def test_what_one_comparison_leaves_out_stands_under_the_table() -> None:
    text = measured(
        Row("rate", 9.0, "1/s", "peer", 1.0, at_least=2.0, leaves_out="the peer also turns"), as_json=False
    )[1]

    assert "- rate: the peer also turns" in text


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_what_json_has_no_number_for_is_null(value: float) -> None:
    code, text = measured(Row("rate", value, "1/s", "peer", 2.0, at_least=1.0))

    row = json.loads(text, parse_constant=lambda name: pytest.fail(name))["rows"][0]

    assert row["value"] is None
    assert row["ratio"] is None
    assert code == 1


def test_the_table_says_what_is_required_what_fails_and_what_is_left_out() -> None:
    text = measured(FAST, SLOW, as_json=False)[1]

    assert ">= 3" in text
    assert "peer: 50" in text
    assert "NO" in text
    assert "Left out: what is left out" in text
