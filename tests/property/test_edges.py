"""Edges of many rows at once: nothing that a fine grid sees is missed, and every edge is a change of sign."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from astro import edges
from astro.edges import Grid, Spans
from astro.frames import FloatArray, IndexArray
from icd.timebase import NS_PER_S, MissionTime

ORIGIN = MissionTime(1_787_400_000 * NS_PER_S // (60 * NS_PER_S) * 60 * NS_PER_S)
SPAN_S, STEP_S, FINE_S = 3_600.0, 30.0, 1.0

waves = st.lists(st.tuples(st.floats(0.2, 1.0), st.floats(240.0, 6_000.0), st.floats(0.0, 6.3)), min_size=1, max_size=3)
rows = st.lists(st.tuples(waves, st.floats(-1.2, 1.2)), min_size=1, max_size=5)
sets = st.lists(st.tuples(st.integers(0, 2), st.integers(0, 50), st.integers(1, 50)), max_size=8)


@pytest.mark.slow
@given(rows)
def test_spans_of_sums_of_waves_are_those_of_a_fine_grid(
    terms: list[tuple[list[tuple[float, float, float]], float]],
) -> None:
    def curve(which: IndexArray, at_s: FloatArray) -> FloatArray:
        return np.array([value(terms[row], at) for row, at in zip(which.tolist(), at_s.tolist(), strict=True)])

    every, coarse = np.arange(len(terms)), np.arange(0.0, SPAN_S + 1.0, STEP_S)
    fine = np.arange(0.0, SPAN_S + 0.5, FINE_S)
    values = np.array([[value(term, at) for at in coarse.tolist()] for term in terms])

    found = edges.positive_spans(curve, Grid(values, np.zeros(len(terms)), STEP_S, ORIGIN))

    for row in every.tolist():
        polls = np.array([value(terms[row], at) for at in fine.tolist()])
        up = polls > 0.0
        polled = int((np.diff(up.astype(np.int8)) == 1).sum()) + int(up[0])
        start, end = found.start[found.row == row], found.end[found.row == row]
        lasting = int((end - start > FINE_S * NS_PER_S).sum())
        gaps = int((start[1:] - end[:-1] <= FINE_S * NS_PER_S).sum())  # too short for the fine grid to see
        if np.abs(polls).min() > 1e-9:  # where a wave just touches zero, rounding decides
            assert lasting - gaps <= polled <= len(start)
        for edge in np.concatenate([start, end]).tolist():
            into_s = (edge - ORIGIN) / NS_PER_S
            if 0.0 < into_s < SPAN_S:
                assert value(terms[row], into_s - 2e-3) * value(terms[row], into_s + 2e-3) <= 1e-9


@pytest.mark.parametrize("sign", [1.0, -1.0])
def test_an_extremum_midway_between_equal_values_is_found_once(sign: float) -> None:
    def curve(which: IndexArray, at_s: FloatArray) -> FloatArray:
        return sign * (16.0 - (at_s - 105.0) ** 2)

    at_s = np.arange(8, dtype=np.float64) * STEP_S
    grid = Grid(curve(np.zeros(8, dtype=np.int64), at_s)[None], np.zeros(1), STEP_S, ORIGIN)

    found = edges.positive_spans(curve, grid)

    inner = ((found.start - ORIGIN) / NS_PER_S).tolist(), ((found.end - ORIGIN) / NS_PER_S).tolist()
    assert inner == (([101.0], [109.0]) if sign > 0.0 else ([0.0, 109.0], [101.0, 210.0]))


@given(sets, sets)
def test_an_overlap_is_what_both_cover(a: list[tuple[int, int, int]], b: list[tuple[int, int, int]]) -> None:
    one, other = spans(a), spans(b)

    both = spans_covered(edges.overlap(one, other))

    assert both == spans_covered(one) & spans_covered(other)


def value(term: tuple[list[tuple[float, float, float]], float], at_s: float) -> float:
    parts, level = term
    return level + float(sum(high * np.sin(2.0 * np.pi * at_s / period + phase) for high, period, phase in parts))


def spans(drawn: list[tuple[int, int, int]]) -> Spans:
    """Return spans of each row that follow each other with gaps."""
    ends, found = dict.fromkeys(range(3), 0), []
    for row, gap, length in drawn:
        start = ends[row] + gap + 1
        ends[row] = start + length
        found.append((row, start, ends[row]))
    table = np.array(sorted(found), dtype=np.int64).reshape(-1, 3)
    return Spans(table[:, 0], table[:, 1], table[:, 2])


def spans_covered(of: Spans) -> set[tuple[int, int]]:
    triples = zip(of.row.tolist(), of.start.tolist(), of.end.tolist(), strict=True)
    return {(row, at) for row, start, end in triples for at in range(start, end)}
