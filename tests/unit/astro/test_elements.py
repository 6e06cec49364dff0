from pathlib import Path

import pytest

from astro import elements
from astro.elements import Reason
from icd.timebase import to_iso
from tests.unit.astro.orbits import LINE1, LINE2, OTHER1, OTHER2

SAMPLE = Path("tests/fixtures/elements/sample.tle")


def mended(line: str) -> str:
    """Return an element line with the checksum that it adds up to."""
    return line[:68] + str(elements.checksum(line))


def test_a_good_pair_gives_number_and_epoch() -> None:
    satellite = elements.parse_pair("STARLINK-1008 ", LINE1, LINE2)

    assert (satellite.name, satellite.number) == ("STARLINK-1008", 44714)
    # day 234.17284867 of 2026 is 22 August, 04:08:54.125
    assert to_iso(satellite.epoch) == "2026-08-22T04:08:54.125Z"


@pytest.mark.parametrize(
    ("line1", "line2", "where"),
    [
        (LINE1[:-1], LINE2, "line 1, column 69"),
        (LINE1 + " ", LINE2, "line 1, column 70|line 1, column 69"),
        (LINE1[:-1] + "3", LINE2, "line 1, column 69"),
        (LINE1, LINE2[:20] + "9" + LINE2[21:], "line 2, column 69"),
        (LINE1, OTHER2, "line 2, column 3"),
        ("2" + LINE1[1:], LINE2, "line 1, column 1"),
        (LINE1, LINE2[:10] + "é" + LINE2[11:], "line 2, column 11"),
        (LINE1, LINE2[:11] + "x" + LINE2[12:], "line 2, column 9"),
        (mended(LINE1[:18] + "2x" + LINE1[20:]), LINE2, "line 1, column 19: epoch year '2x' is not digits"),
        (mended(LINE1[:20] + "400" + LINE1[23:]), LINE2, r"line 1, column 21: epoch day 400\.\d+ is not from 1 to 367"),
        (
            mended(LINE1[:53] + " 8984x-3" + LINE1[61:]),
            LINE2,
            "line 1, column 54: drag term ' 8984x-3' is not a number",
        ),
        (mended(LINE1[:62] + "4" + LINE1[63:]), LINE2, "line 1, column 63: ephemeris type '4' is not 0: .*SGP4-XP"),
        (LINE1, mended(LINE2[:8] + "194.0000" + LINE2[16:]), r"line 2, column 9: inclination 194\.0000 is not from 0"),
        (LINE1, mended(LINE2[:26] + "000517x" + LINE2[33:]), "line 2, column 27: eccentricity '000517x' is not digits"),
        (LINE1, mended(LINE2[:52] + "    nan    " + LINE2[63:]), "line 2, column 53: mean motion"),
        (LINE1, mended(LINE2[:52] + " 0.00000000" + LINE2[63:]), "line 2, column 53: mean motion"),
    ],
)
def test_a_bad_pair_names_line_and_column(line1: str, line2: str, where: str) -> None:
    with pytest.raises(ValueError, match=where):
        elements.parse_pair("X", line1, line2)


def test_a_file_loads_with_and_without_names_and_says_what_it_left_out() -> None:
    text = f"ONE\n{LINE1}\n{LINE2}\n\n{OTHER1}\n{OTHER2}\nBROKEN\n{LINE1}\n{OTHER2}\n{LINE1}\n"

    found, left_out = elements.load(text)

    assert [satellite.name for satellite in found] == ["ONE", "44718"]
    assert elements.pick(found, "ONE") == elements.pick(found, 44714)
    assert len(left_out) == 2
    assert str(left_out[0]) == (
        "row 8: BROKEN: malformed: line 2, column 3: catalogue number '44718' is not line 1's '44714'"
    )
    assert str(left_out[1]) == "row 10: 44714: malformed: an element line without its partner"


def test_an_unknown_satellite_is_refused() -> None:
    with pytest.raises(ValueError, match="no satellite 'NOPE'"):
        elements.pick((), "NOPE")


def test_alpha_five_numbers_are_read() -> None:
    body = "1 A0001" + LINE1[7:68]
    line1 = body + str((sum(int(c) for c in body if c.isdigit()) + body.count("-")) % 10)
    body = "2 A0001" + LINE2[7:68]
    line2 = body + str((sum(int(c) for c in body if c.isdigit()) + body.count("-")) % 10)

    assert elements.parse_pair("A", line1, line2).number == 100_001


def test_of_a_file_the_good_sets_load_and_each_other_is_named_with_its_row_and_reason() -> None:
    found, left_out = elements.load(SAMPLE.read_text())

    assert [one.row for one in found] == [2, 5, 8, 11, 17, 34, 37]
    assert found[4].name == "STARLINK-3308"
    assert [(one.row, one.name, one.reason) for one in left_out] == [
        (14, "STARLINK-3308", Reason.DUPLICATED),
        (20, "STARLINK-9901", Reason.MALFORMED),
        (23, "STARLINK-9902", Reason.MALFORMED),
        (26, "STARLINK-9903", Reason.MALFORMED),
        (28, "STARLINK-9904", Reason.MALFORMED),
        (31, "STARLINK-9905", Reason.MALFORMED),
    ]
    assert all("\n" not in str(one) for one in left_out)
    assert left_out[0].text == (
        "catalogue number 50846 stands again in row 17, which is newer, of 2026-08-22T11:48:43.552Z; that one stays"
    )


@pytest.mark.parametrize("newest_first", [True, False])
def test_of_two_sets_of_one_satellite_the_newer_stays_wherever_it_stands(newest_first: bool) -> None:
    older = mended(LINE1[:18] + "26233.17284867" + LINE1[32:])
    pairs = [f"{LINE1}\n{LINE2}\n", f"{older}\n{LINE2}\n"]

    found, left_out = elements.load("".join(pairs if newest_first else reversed(pairs)))

    assert [one.line1 for one in found] == [LINE1]
    assert [(one.row, one.number) for one in left_out] == [(3 if newest_first else 1, 44714)]


def test_of_two_equal_sets_the_first_stays() -> None:
    found, left_out = elements.load(f"{LINE1}\n{LINE2}\n{LINE1}\n{LINE2}\n")

    assert [one.row for one in found] == [1]
    assert "stands again in row 1, which has the same epoch" in left_out[0].text


def test_a_name_line_may_begin_with_the_zero_of_three_line_sets() -> None:
    found, _ = elements.load(f"\ufeff0 STARLINK-1008\r\n{LINE1}\r\n{LINE2}\r\n")

    assert [(one.name, one.row) for one in found] == [("STARLINK-1008", 2)]


def test_a_pair_cut_short_does_not_swallow_the_next() -> None:
    found, left_out = elements.load(f"ONE\n{LINE1}\nTWO\n{OTHER1}\n{OTHER2}\n")

    assert [one.name for one in found] == ["TWO"]
    assert [str(one) for one in left_out] == ["row 2: ONE: malformed: an element line without its partner"]
