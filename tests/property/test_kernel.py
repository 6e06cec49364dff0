from hypothesis import given
from hypothesis import strategies as st

from hwsim.kernel import Kernel, Slot
from icd.timebase import MissionTime

TIMES = st.integers(0, 50)
MOVES = st.lists(
    st.one_of(
        st.tuples(st.just("set"), st.integers(0, 4), TIMES),
        st.tuples(st.just("clear"), st.integers(0, 4), st.just(0)),
        st.tuples(st.just("advance"), st.just(0), st.integers(0, 20)),
    ),
    max_size=60,
)


@given(MOVES)
def test_what_happens_is_what_was_last_predicted_in_order(moves: list[tuple[str, int, int]]) -> None:
    """Against a model that keeps one due time per slot and sorts."""
    kernel = Kernel(MissionTime(0))
    happened: list[tuple[int, int]] = []
    slots: list[Slot] = []
    for number in range(5):
        slots.append(kernel.slot(lambda n=number: happened.append((kernel.now, n)), priority=number % 2))  # type: ignore[misc]
    model: dict[int, tuple[int, int]] = {}  # slot -> (due, order of setting)
    expected: list[tuple[int, int]] = []
    now = 0

    for step, (what, number, value) in enumerate(moves):
        if what == "set":
            slots[number].set(MissionTime(value))
            due = max(value, now)
            if model.get(number, (-1, 0))[0] != due:
                model[number] = (due, step)
        elif what == "clear":
            slots[number].clear()
            model.pop(number, None)
        else:
            now += value
            ripe = sorted((due, n % 2, order, n) for n, (due, order) in model.items() if due <= now)
            expected += [(due, n) for due, _, _, n in ripe]
            for *_, n in ripe:
                del model[n]
            assert kernel.advance_to(MissionTime(now)) == len(ripe)
        assert kernel.next_event_at() == min((due for due, _ in model.values()), default=None)

    assert happened == expected


@given(st.lists(st.integers(1, 10_000), min_size=1, max_size=200))
def test_predictions_made_anew_leave_no_trace(dues: list[int]) -> None:
    kernel = Kernel(MissionTime(0))
    happened: list[int] = []
    slot = kernel.slot(lambda: happened.append(kernel.now))

    for _ in range(60):
        for due in dues:
            slot.set(MissionTime(due))
    kernel.advance_to(MissionTime(20_000))

    assert happened == [dues[-1]]
    assert kernel.next_event_at() is None
