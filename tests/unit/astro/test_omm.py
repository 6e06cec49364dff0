import json
from pathlib import Path

import pytest

from astro import elements, omm
from astro.elements import LeftOut, Satellite
from icd.timebase import to_iso
from tests.unit.astro.orbits import LINE1, LINE2

FOLDER = Path("tests/fixtures/elements")
KINDS = ("json", "csv", "xml", "kvn")
ONE = json.loads((FOLDER / "three.json").read_text())[0]


def load(*changes: dict[str, object]) -> tuple[tuple[Satellite, ...], tuple[LeftOut, ...]]:
    return elements.load(json.dumps([{**ONE, **change} for change in changes]))


@pytest.mark.parametrize("kind", KINDS)
def test_omm_of_every_kind_gives_the_satellites_that_the_two_line_sets_give(kind: str) -> None:
    by_number = {one.number: one for one in elements.load((FOLDER / "sample.tle").read_text())[0]}

    found, left_out = elements.load((FOLDER / f"three.{kind}").read_text())

    assert left_out == ()
    assert [one.number for one in found] == [44714, 50846, 69189]
    assert list(found) == [by_number[one.number] for one in found]  # to the last character of both lines


@pytest.mark.parametrize(("kind", "row"), [("json", 21), ("csv", 3), ("xml", 12), ("kvn", 26)])
def test_a_bad_value_is_named_with_line_key_what_was_found_and_what_is_allowed(kind: str, row: int) -> None:
    text = (FOLDER / f"three.{kind}").read_text().replace("53.1597", "253.1597")

    found, left_out = elements.load(text)

    assert [one.number for one in found] == [44714, 69189]
    assert [str(one) for one in left_out] == [
        f"row {row}: STARLINK-3308: malformed: INCLINATION: found '253.1597'; allowed is a number from 0 to 180"
    ]


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"MEAN_MOTION": None}, "MEAN_MOTION: this key is missing; allowed is a number from 0.01 to 20"),
        ({"MEAN_MOTION": "fast"}, "MEAN_MOTION: found 'fast'"),
        ({"MEAN_MOTION": float("nan")}, "MEAN_MOTION: found 'NaN'"),
        ({"ECCENTRICITY": 1.0}, "ECCENTRICITY: found '1.0'; allowed is a number from 0 to 1"),
        ({"ECCENTRICITY": 0.9999}, "SGP4 refuses the elements (error 4)"),
        ({"EPOCH": "2026-02-30T00:00:00"}, "EPOCH: found '2026-02-30T00:00:00'; allowed is UTC as 2026-08-22T04"),
        ({"EPOCH": "1901-02-03T00:00:00"}, "EPOCH: found the year 1901; allowed are 1957 to 2056"),
        ({"NORAD_CAT_ID": -1}, "NORAD_CAT_ID: found '-1'; allowed is a whole number from 0 to 999999999"),
        ({"EPHEMERIS_TYPE": 4}, "EPHEMERIS_TYPE: found 4 (SGP4-XP)"),
        ({"REF_FRAME": "ITRF"}, "REF_FRAME: found 'ITRF'; allowed is TEME"),
        ({"TIME_SYSTEM": "TAI"}, "TIME_SYSTEM: found 'TAI'; allowed is UTC"),
        ({"MEAN_ELEMENT_THEORY": "DSST"}, "MEAN_ELEMENT_THEORY: found 'DSST'; allowed is SGP4 or SGP/SGP4"),
    ],
)
def test_what_sgp4_cannot_fly_is_left_out(change: dict[str, object], says: str) -> None:
    found, left_out = load(change)

    assert found == ()
    assert says in left_out[0].text


def test_a_number_beyond_alpha_five_is_kept_though_its_lines_cannot_say_it() -> None:
    found, left_out = load({"NORAD_CAT_ID": 339_999}, {"NORAD_CAT_ID": 340_000}, {"NORAD_CAT_ID": 799_500_123})

    assert left_out == ()
    assert [one.number for one in found] == [339_999, 340_000, 799_500_123]
    assert [one.line1[2:7] for one in found] == ["Z9999", "00000", "00000"]
    assert elements.pick(found, 799_500_123).line2[8:] == LINE2[8:68] + found[2].line2[68]


def test_rates_too_small_for_a_line_are_zero_and_great_ones_keep_their_exponent() -> None:
    found, _ = load({"BSTAR": 3e-11}, {"BSTAR": 0.53, "NORAD_CAT_ID": 1}, {"BSTAR": -2e-10, "NORAD_CAT_ID": 2})

    assert [one.line1[53:61] for one in found] == [" 00000+0", " 53000+0", "-20000-9"]


def test_both_date_forms_of_ccsds_are_read() -> None:
    found, _ = load({"EPOCH": "2026-234T04:08:54.125088Z"}, {"EPOCH": "2026-08-22T04:08:54", "NORAD_CAT_ID": 1})

    assert [to_iso(one.epoch)[:19] for one in found] == ["2026-08-22T04:08:54", "2026-08-22T04:08:53"]
    assert found[0].line1 == LINE1  # the second is on the line's grid of 0.86 ms, just before the whole second


def test_an_object_alone_is_a_catalogue_of_one() -> None:
    found, _ = elements.load(json.dumps(ONE))

    assert [one.name for one in found] == ["STARLINK-1008"]


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("<html><b>busy", "row 1: ?: malformed: not XML: no element found: line 1, column 13"),
        ("<!DOCTYPE a [<!ENTITY x 'y'>]><a>&x;</a>", "not XML: it declares an entity"),
        ("[1]", "found '1'; allowed is an object with the keys of one satellite"),
        ('[{"A": 1},\n{"B" 2}]', "row 2: ?: malformed: column 6: not JSON: Expecting ':' delimiter"),
        ("[" * 100_000, "not JSON: nested without end"),
        ("NORAD_CAT_ID,EPOCH\n1,2,3\n", "row 2: ?: malformed: found 3 columns; allowed are the 2 of the first line"),
        ("CCSDS_OMM_VERS = 2.0\nno pair\n", "row 2: ?: malformed: found 'no pair'; allowed is KEY = VALUE"),
    ],
)
def test_a_broken_file_is_named_with_the_line(text: str, says: str) -> None:
    assert omm.is_omm(text)

    found, left_out = elements.load(text)

    assert found == ()
    assert any(says in str(one) for one in left_out), left_out
