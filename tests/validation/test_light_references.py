"""The world beside independent references, as much of it as fits a test run; `make validate` does the rest."""

import pytest

from tests.validation.conftest import Judge

pytest.importorskip("skyfield_data")
pytest.importorskip("networkx")
pytest.importorskip("scipy")

from benchmarks import against_brute_force, against_networkx, against_skyfield


@pytest.mark.slow
def test_passes_begin_and_end_where_skyfield_has_them(judge: Judge) -> None:
    assert judge.holds(against_skyfield.passes(satellites=2))


@pytest.mark.slow
def test_sunlight_begins_and_ends_where_skyfield_has_it(judge: Judge) -> None:
    assert judge.holds(against_skyfield.sunlit_edges(satellites=2))


@pytest.mark.slow
def test_eclipse_edges_stand_on_the_cone_of_de421(judge: Judge) -> None:
    assert judge.holds(against_skyfield.cone_edges(epochs=8))


@pytest.mark.slow
def test_pairs_in_sight_are_those_of_brute_force(judge: Judge) -> None:
    assert judge.holds(against_brute_force.pairs(planes=24, per_plane=11, instants=3))


@pytest.mark.slow
def test_next_hops_are_those_of_networkx(judge: Judge) -> None:
    assert judge.holds(against_networkx.next_hops(planes=12, per_plane=10, stations=12, range_km=2_500.0))
