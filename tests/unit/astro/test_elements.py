import pytest

from astro import elements
from icd.timebase import to_iso
from tests.unit.astro.orbits import LINE1, LINE2, OTHER1, OTHER2


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
    assert "row 8: BROKEN" in left_out[0]
    assert "row 10" in left_out[1]


def test_an_unknown_satellite_is_refused() -> None:
    with pytest.raises(ValueError, match="no satellite 'NOPE'"):
        elements.pick((), "NOPE")


def test_alpha_five_numbers_are_read() -> None:
    body = "1 A0001" + LINE1[7:68]
    line1 = body + str((sum(int(c) for c in body if c.isdigit()) + body.count("-")) % 10)
    body = "2 A0001" + LINE2[7:68]
    line2 = body + str((sum(int(c) for c in body if c.isdigit()) + body.count("-")) % 10)

    assert elements.parse_pair("A", line1, line2).number == 100_001
