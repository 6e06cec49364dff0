"""Element files from outside: any text loads, every set is kept or named; and shells of any shape are what they say."""

import math
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from sgp4.api import Satrec

from astro import elements, omm, walker
from astro.frames import FloatArray
from astro.walker import Pattern, Shell
from icd.timebase import from_iso
from tests.unit.astro.orbits import LINE1, LINE2

pytestmark = pytest.mark.slow

EPOCH = from_iso("2026-08-22T12:00:00Z")
PIECES = st.sampled_from(
    [
        *("{", "}", "[", "]", "<segment>", "</segment>", "<EPOCH>", "NORAD_CAT_ID", ",", "=", "CCSDS_OMM_VERS", "\n"),
        *(
            "\r\n",
            "1 ",
            "2 ",
            LINE1,
            LINE2,
            '"EPOCH"',
            ":",
            "1e999",
            "NaN",
            "\ufeff",
            "\x00",
            "é",
            "<!DOCTYPE",
            "COMMENT",
        ),
    ]
)
TEXTS = st.lists(PIECES | st.text(max_size=8), max_size=30).map("".join)
KEYS = ["EPOCH", "MEAN_MOTION", "ECCENTRICITY", "INCLINATION", "RA_OF_ASC_NODE", "ARG_OF_PERICENTER", "MEAN_ANOMALY"]
VALUES = st.floats().map(str) | st.integers(-(10**12), 10**12).map(str) | st.text(max_size=12)
FIELDS = st.dictionaries(
    st.sampled_from([*KEYS, "NORAD_CAT_ID", "BSTAR", "MEAN_MOTION_DOT", "OBJECT_ID", "OBJECT_NAME", "REV_AT_EPOCH"]),
    VALUES,
)


@given(TEXTS)
def test_any_text_loads_and_says_in_one_line_what_it_left_out(text: str) -> None:
    found, left_out = elements.load(text)

    for one in left_out:
        assert "\n" not in one.text
        assert one.row >= 1
    for satellite in found:
        assert elements.parse_pair(satellite.name, satellite.line1, satellite.line2).line1 == satellite.line1


@given(st.integers(0, 68), st.characters(min_codepoint=32, max_codepoint=126), st.booleans(), st.booleans())
def test_a_line_with_one_wrong_character_is_read_or_refused(at: int, char: str, first: bool, mend: bool) -> None:
    line = LINE1 if first else LINE2
    broken = line[:at] + char + line[at + 1 :]
    broken = broken[:68] + str(elements.checksum(broken)) if mend else broken

    said = _refusal(lambda: elements.parse_pair("X", broken if first else LINE1, LINE2 if first else broken))

    assert said is None or said.startswith(("line 1, column ", "line 2, column "))


@given(FIELDS)
def test_any_keys_give_a_satellite_or_name_the_key(fields: dict[str, str]) -> None:
    said = _refusal(lambda: elements.from_record(*omm.read(fields)))

    assert said is None or any(key in said for key in (*KEYS, "NORAD_CAT_ID", *fields, "line "))


@given(
    mean_motion=st.floats(1.0, 16.4),
    eccentricity=st.floats(0.0, 0.01),
    angles=st.tuples(*[st.floats(0.0, 360.0)] * 3),
    inclination=st.floats(0.0, 180.0),
    bstar=st.floats(-0.1, 0.1),
)
def test_what_an_omm_says_its_lines_say(
    mean_motion: float, eccentricity: float, angles: tuple[float, ...], inclination: float, bstar: float
) -> None:
    node, argument, anomaly = angles
    fields = {
        "EPOCH": "2026-08-22T04:08:54.125088",
        "NORAD_CAT_ID": "44714",
        "MEAN_MOTION": str(mean_motion),
        "ECCENTRICITY": str(eccentricity),
        "INCLINATION": str(inclination),
        "RA_OF_ASC_NODE": str(node),
        "ARG_OF_PERICENTER": str(argument),
        "MEAN_ANOMALY": str(anomaly),
        "BSTAR": str(bstar),
    }

    one = elements.from_record(*omm.read(fields))

    record = Satrec.twoline2rv(one.line1, one.line2)
    assert record.no_kozai * 720.0 / math.pi == pytest.approx(mean_motion, abs=6e-9)
    assert record.ecco == pytest.approx(eccentricity, abs=6e-8)
    assert record.bstar == pytest.approx(bstar, rel=6e-5, abs=1e-10)
    assert math.degrees(record.inclo) == pytest.approx(inclination, abs=6e-5)
    for found, wanted in ((record.nodeo, node), (record.argpo, argument), (record.mo, anomaly)):
        assert (math.degrees(found) - wanted + 180.0) % 360.0 == pytest.approx(180.0, abs=6e-5)


@given(
    planes=st.integers(1, 12),
    per_plane=st.integers(1, 12),
    phasing=st.integers(0, 11),
    altitude_km=st.floats(300.0, 2000.0),
    inclination_deg=st.floats(0.0, 180.0),
    pattern=st.sampled_from(Pattern),
)
def test_a_shell_of_any_shape_is_spaced_and_phased_and_no_two_coincide(
    planes: int, per_plane: int, phasing: int, altitude_km: float, inclination_deg: float, pattern: Pattern
) -> None:
    assume(phasing < planes)
    said = _refusal(lambda: Shell(planes, per_plane, phasing, altitude_km, inclination_deg, pattern))
    if said is not None:
        assert "lets satellites pass within" in said
        return
    of = Shell(planes, per_plane, phasing, altitude_km, inclination_deg, pattern)

    made = walker.shell(of, EPOCH)

    nodes = np.array([float(one.line2[17:25]) for one in made]).reshape(planes, per_plane)
    phases = np.array([float(one.line2[43:51]) for one in made]).reshape(planes, per_plane)
    assert np.ptp(nodes, axis=1).max() == 0.0
    assert _turn(np.diff(nodes[:, 0]) - of.spread_deg / planes) < 1.1e-4
    assert _turn(np.diff(phases, axis=1) - 360.0 / per_plane) < 1.1e-4
    assert _turn(np.diff(phases, axis=0) - phasing * 360.0 / of.total) < 1.1e-4
    places = _circles(
        of.radius_km, np.radians(nodes.ravel()), np.radians(phases.ravel()), math.radians(inclination_deg)
    )
    apart = [np.linalg.norm(places[:index] - places[index], axis=1).min() for index in range(1, of.total)]
    assert all(one > of.separation_km - 0.05 for one in apart)  # lines are rounded
    for one, place in zip(made, places, strict=True):
        error, flown, _ = Satrec.twoline2rv(one.line1, one.line2).sgp4_tsince(0.0)
        assert error == 0
        assert float(np.linalg.norm(np.array(flown) - place)) < 40.0  # J2 and J3, of date


def _circles(radius_km: float, node: FloatArray, phase: FloatArray, tilt: float) -> FloatArray:
    x, y, z = np.cos(phase), np.sin(phase) * math.cos(tilt), np.sin(phase) * math.sin(tilt)
    return radius_km * np.stack([np.cos(node) * x - np.sin(node) * y, np.sin(node) * x + np.cos(node) * y, z], axis=1)


def _refusal(make: Callable[[], object]) -> str | None:
    try:
        make()
    except ValueError as error:
        return str(error)
    return None


def _turn(difference_deg: FloatArray) -> float:
    """Return the greatest of some angles, near 0 whichever way round."""
    wrapped = (difference_deg + 180.0) % 360.0 - 180.0
    return float(np.abs(wrapped).max()) if wrapped.size else 0.0
