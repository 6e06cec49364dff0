"""The anti-replay window lets each number through once, whatever the order of arrival."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from node.apps.commanding.window import WINDOW_WIDTH, is_fresh, spend
from node.ports.store import ReplayWindow

NEW = ReplayWindow(0, 0)
SEQUENCES = st.lists(st.one_of(st.integers(1, 200), st.integers(1, 2**63)), max_size=80)


@pytest.mark.req("CMD-005")
@given(SEQUENCES)
def test_no_number_passes_twice_and_none_within_the_width_is_lost(sequences: list[int]) -> None:
    window, used = NEW, set[int]()

    for sequence in sequences:
        fresh = is_fresh(window, sequence)
        assert fresh == (sequence not in used and sequence > window.highest - WINDOW_WIDTH)
        if fresh:
            window = spend(window, sequence)
            used.add(sequence)
            assert window.highest == max(used)
            assert 0 <= window.mask < 1 << WINDOW_WIDTH


@pytest.mark.req("CMD-005")
@given(st.permutations(list(range(1, WINDOW_WIDTH + 1))))
def test_a_full_width_passes_in_any_order(sequences: list[int]) -> None:
    window = NEW

    for sequence in sequences:
        assert is_fresh(window, sequence)
        window = spend(window, sequence)

    assert window == ReplayWindow(WINDOW_WIDTH, (1 << WINDOW_WIDTH) - 1)
