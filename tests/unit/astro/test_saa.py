import math
import random

import numpy as np
import pytest

from astro import contacts, frames, saa, walker
from astro.contacts import Interval
from astro.frames import FloatArray, FrameError, Itrf, ItrfTrack, Teme, TimeArray
from astro.orbit import Ephemeris
from astro.walker import Shell
from icd.timebase import NS_PER_S, MissionTime, after, seconds_between, to_utc
from tests.unit.astro.orbits import LINE1, LINE2, START

DAY_S = 86_400.0


def test_the_outline_at_its_reference_is_the_one_published() -> None:
    outline = saa.outline_deg(saa.REFERENCE)

    assert outline == saa.OUTLINE_DEG
    assert outline[3] == (0.4, -30.605)
    assert {latitude for latitude, _ in outline[:12]} == {
        *(-30.0, -19.867, -9.733, 0.4, 2.0, -1.0, -6.155, -8.88, -14.22, -18.404)
    }


def test_it_has_drifted_west_by_three_tenths_of_a_degree_a_year() -> None:
    later = MissionTime(saa.REFERENCE + round(10 * 365.25 * DAY_S) * NS_PER_S)

    moved = [b[1] - a[1] for a, b in zip(saa.outline_deg(saa.REFERENCE), saa.outline_deg(later), strict=True)]

    assert moved == pytest.approx([-3.0] * len(moved))
    assert saa.depth_deg(-14.0, -96.0, saa.REFERENCE) < 0.0 < saa.depth_deg(-14.0, -96.0, later)


@pytest.mark.parametrize(
    ("latitude_deg", "longitude_deg", "depth_deg"),
    [
        (-25.0, -45.0, 25.0),  # in the heart: 25 degrees to the southern edge
        (-40.0, 30.0, 3.9),  # 3.9 degrees to the eastern edge
        (-30.0, 35.9, -2.0),
        (-53.0, -20.0, -3.0),
        (7.0, -40.0, -5.0),
        (50.0, 10.0, -saa.FAR_DEG),
        (-25.0, 140.0, -saa.FAR_DEG),
        (90.0, 0.0, -saa.FAR_DEG),
    ],
)
def test_depth_is_the_distance_on_the_map_to_the_nearest_edge(
    latitude_deg: float, longitude_deg: float, depth_deg: float
) -> None:
    assert saa.depth_deg(latitude_deg, longitude_deg, saa.REFERENCE) == pytest.approx(depth_deg, abs=1e-9)


def test_depth_is_continuous_over_poles_and_seam() -> None:
    """Along great circles through both poles, no step of 2 km changes the depth by more than its way on the map."""
    angle = np.linspace(0.0, math.tau, 20_001)
    for longitude in np.radians(np.arange(-180.0, 180.0, 7.5)):
        track = np.stack([np.cos(angle) * np.cos(longitude), np.cos(angle) * np.sin(longitude), np.sin(angle)], axis=1)
        depth = saa.many(ItrfTrack(6928.0 * track), np.int64(START))  # type: ignore[arg-type]
        assert float(np.abs(np.diff(depth)).max()) < 0.03


def test_one_point_and_many_agree() -> None:
    drawn = np.random.default_rng(5).normal(size=(500, 3))
    points = 6928.0 * drawn / np.linalg.norm(drawn, axis=1)[:, None]
    times = START + np.arange(500, dtype=np.int64) * 7 * NS_PER_S

    many = saa.many(ItrfTrack(points), times)

    for point, at, depth in zip(points.tolist(), times.tolist(), many.tolist(), strict=True):
        place = frames.geodetic(Itrf(*point))
        one = saa.depth_deg(math.degrees(place.latitude_rad), math.degrees(place.longitude_rad), MissionTime(at))
        assert one == pytest.approx(depth, abs=1e-9)
        assert saa.inside(Itrf(*point), MissionTime(at)) == (depth > 0.0)


def test_a_point_of_another_frame_is_refused() -> None:
    with pytest.raises(FrameError):
        saa.inside(Teme(7000.0, 0.0, 0.0), START)  # type: ignore[arg-type]


def test_spans_have_exact_edges_on_the_millisecond_and_do_not_depend_on_the_question() -> None:
    ephemeris = Ephemeris(LINE1, LINE2)

    found = saa.spans(ephemeris, START, after(START, DAY_S))

    assert len(found) > 8
    for span in found:
        for at in (span.start, span.end):
            assert at % 1_000_000 == 0
            place = frames.geodetic(frames.teme_to_itrf(ephemeris.position(at), at))
            depth = saa.depth_deg(math.degrees(place.latitude_rad), math.degrees(place.longitude_rad), at)
            assert abs(depth) < 1e-4  # a millisecond of flight
    late = saa.spans(ephemeris, after(found[3].start, -1.7), after(START, DAY_S))
    assert late == found[3:]
    middle = MissionTime((found[0].start + found[0].end) // 2)
    assert saa.spans(ephemeris, middle, after(middle, 30.0))[0].start == middle


@pytest.mark.parametrize("inclination_deg", [2.0, 12.0, 35.0, 53.0, 60.0, 97.6])
@pytest.mark.parametrize("altitude_km", [420.0, 800.0])
def test_spans_are_to_the_nanosecond_those_of_a_search_of_every_edge_at_every_point(
    inclination_deg: float, altitude_km: float
) -> None:
    (one,) = walker.shell(Shell(1, 1, 0, altitude_km, inclination_deg, node_deg=120.0), START)
    ephemeris, end = Ephemeris(one.line1, one.line2), after(START, 2.0 * DAY_S)

    def depth(at: MissionTime) -> float:
        place = frames.geodetic(frames.teme_to_itrf(ephemeris.position(at), at))
        return whole_outline_deg(math.degrees(place.latitude_rad), math.degrees(place.longitude_rad), at)

    def depths(times: TimeArray) -> FloatArray:
        return np.array([depth(MissionTime(at)) for at in times.tolist()])

    plain = contacts.positive_spans(depth, depths, START, end)

    cut = (Interval(max(span.start, START), min(span.end, end)) for span in plain)
    assert saa.spans(ephemeris, START, end) == tuple(span for span in cut if span.start < span.end)


def test_depth_looks_at_enough_of_the_outline_all_over_the_map() -> None:
    draw = random.Random(11)
    for _ in range(10_000):
        latitude, longitude = draw.uniform(-90.0, 90.0), draw.uniform(-180.0, 180.0)
        assert saa.depth_deg(latitude, longitude, START) == whole_outline_deg(latitude, longitude, START)


def whole_outline_deg(latitude_deg: float, longitude_deg: float, at: MissionTime) -> float:
    """Return the depth from every edge of the outline, as `depths_deg` does it, for one place."""
    corners = [(longitude, latitude) for latitude, longitude in saa.OUTLINE_DEG]
    middle = 0.5 * (min(x for x, _ in corners) + max(x for x, _ in corners))
    drift = saa.DRIFT_DEG_YEAR * ((at - saa.REFERENCE) / (31_557_600 * NS_PER_S))
    x = (longitude_deg - middle - drift + 180.0) % 360.0 - 180.0
    nearest, within = saa.FAR_DEG**2, False
    for (ax, ay), (bx, by) in zip(corners, [*corners[1:], corners[0]], strict=True):
        ax, bx = ax - middle, bx - middle
        dx, dy, px, py = bx - ax, by - ay, x - ax, latitude_deg - ay
        share = max(0.0, min(1.0, (px * dx + py * dy) / (dx * dx + dy * dy)))
        off_x, off_y = px - share * dx, py - share * dy
        nearest = min(nearest, off_x * off_x + off_y * off_y)
        if (py < 0.0) != (py < dy) and px < dx * py / dy:
            within = not within
    return math.sqrt(nearest) if within else -math.sqrt(nearest)


@pytest.mark.slow
def test_spans_are_those_of_skyfields_ground_track_in_matplotlibs_polygon() -> None:
    api = pytest.importorskip("skyfield.api")
    path = pytest.importorskip("matplotlib.path")
    ts = api.load.timescale(builtin=True)
    satellite = api.EarthSatellite(LINE1, LINE2, "X", ts)
    instants = [after(START, 20.0 * step) for step in range(4320)]
    found = saa.spans(Ephemeris(LINE1, LINE2), START, after(START, DAY_S))

    ground = api.wgs84.geographic_position_of(satellite.at(ts.from_datetimes([to_utc(at) for at in instants])))
    polygon = path.Path([(longitude, latitude) for latitude, longitude in saa.outline_deg(START)])
    theirs = polygon.contains_points(np.stack([ground.longitude.degrees, ground.latitude.degrees], axis=1))

    ours = np.array([any(span.start <= at < span.end for span in found) for at in instants])
    differ = [instants[index] for index in np.flatnonzero(ours != theirs)]
    edges = [edge for span in found for edge in (span.start, span.end)]
    assert theirs.sum() > 300
    assert all(min(abs(seconds_between(edge, at)) for edge in edges) < 1.0 for at in differ)


def test_ground_track_is_skyfields() -> None:
    api = pytest.importorskip("skyfield.api")
    ts = api.load.timescale(builtin=True)
    satellite = api.EarthSatellite(LINE1, LINE2, "X", ts)
    times = START + np.arange(0, 86_400, 600, dtype=np.int64) * NS_PER_S

    at = ts.from_datetimes([to_utc(MissionTime(int(t))) for t in times])
    theirs = api.wgs84.geographic_position_of(satellite.at(at))
    track = frames.teme_to_itrf_many(Ephemeris(LINE1, LINE2).positions(times), times)
    latitude, longitude, height = frames.geodetic_many(track)

    assert np.degrees(latitude) == pytest.approx(theirs.latitude.degrees, abs=2e-4)
    east = (np.degrees(longitude) - theirs.longitude.degrees + 180.0) % 360.0 - 180.0
    assert float(np.abs(east).max()) < 4e-3  # UT1 - UTC, up to 0.9 s
    assert height == pytest.approx(theirs.elevation.km, abs=0.01)


def test_many_geodetic_places_are_those_one_by_one() -> None:
    points = np.array([[7000.0, 10.0, 5.0], [-100.0, 50.0, 6900.0], [0.0, 0.0, -6800.0], [-4000.0, -4000.0, -4000.0]])

    together = np.stack(frames.geodetic_many(ItrfTrack(points)), axis=1)

    assert together == pytest.approx(np.array([frames.geodetic(Itrf(*point)) for point in points.tolist()]), abs=1e-12)
