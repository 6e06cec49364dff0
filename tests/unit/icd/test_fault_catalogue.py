"""The catalogue of faults: what each kind may name, how much it may be, and the line for what it may not."""

import pytest

from icd import codec
from icd.fault_catalogue import CATALOGUE, GROUPS, Need, fields_of, problem
from icd.faults import FAULTS_MAX, ActiveFaults, FaultInForce, FaultKind, FaultOrder
from icd.hw import UNITS


def order(kind: FaultKind, **fields: object) -> FaultOrder:
    return FaultOrder.model_validate({"fault_id": "f", "kind": kind, "node": "node-1", **fields})


def test_every_kind_has_its_rule_in_the_order_of_the_kinds() -> None:
    assert list(CATALOGUE) == list(FaultKind)
    assert [rule.group for rule in CATALOGUE.values() if rule.group not in GROUPS] == []
    assert [kind for kind, rule in CATALOGUE.items() if not rule.what or not rule.seen] == []


def test_every_unit_but_the_receiver_has_numbers_that_can_be_bent() -> None:
    assert [unit for unit in UNITS if not fields_of(unit)] == ["gnss"]
    assert fields_of("eps")["soc_frac"] == (0.0, 1.0)
    assert fields_of("toaster") == {}


GOOD: list[tuple[FaultKind, dict[str, object]]] = [
    (FaultKind.SENSOR_LOST, {"unit": "terminal"}),
    (FaultKind.SENSOR_LOST, {"unit": "terminal", "terminal": 3}),
    (FaultKind.SENSOR_STUCK, {"unit": "eps", "field": "soc_frac"}),
    (FaultKind.VALUE_BIAS, {"unit": "eps", "field": "soc_frac", "magnitude": -0.5}),
    (FaultKind.TERMINAL_WEAK, {"terminal": 0, "magnitude": 3.0}),
    (FaultKind.BROKER_STOP, {"node": "", "duration_s": 9.0}),
    (FaultKind.BROKER_PAUSE, {"node": "", "duration_s": 9.0, "rate_per_day": 3.0, "times": 4}),
    (FaultKind.MEMORY_ERROR, {"rate_per_day": 3.0, "times": 4}),
    (FaultKind.LINK_CUT, {"on_event": "PASS_BEGINS", "nth": 3, "times": 2}),
]


@pytest.mark.parametrize(("kind", "fields"), GOOD)
def test_an_order_as_the_catalogue_has_it_is_no_problem(kind: FaultKind, fields: dict[str, object]) -> None:
    assert problem(order(kind, **fields)) is None


BAD: list[tuple[FaultKind, dict[str, object], str, str]] = [
    (FaultKind.LINK_CUT, {"node": ""}, "node", "LINK_CUT needs the node that it strikes"),
    (FaultKind.BROKER_STOP, {"duration_s": 9.0}, "node", "BROKER_STOP names no node, found 'node-1'"),
    (FaultKind.UNIT_HANG, {"unit": "watchdog"}, "unit", "needs one of eps, thermal, terminal, gnss; found 'watchdog'"),
    (FaultKind.LINK_CUT, {"unit": "eps"}, "unit", "LINK_CUT names no unit; found 'eps'"),
    (
        FaultKind.SENSOR_LOST,
        {"unit": "eps", "terminal": 0},
        "terminal",
        "SENSOR_LOST of eps names no terminal; found 0",
    ),
    (FaultKind.BROWN_OUT, {"terminal": 0}, "terminal", "BROWN_OUT names no terminal; found 0"),
    (FaultKind.LASER_BLOCKED, {}, "terminal", "LASER_BLOCKED needs a terminal"),
    (FaultKind.FRAME_DROP, {"field": "soc_frac"}, "field", "FRAME_DROP names no field; found 'soc_frac'"),
    (FaultKind.VALUE_BIAS, {"unit": "thermal", "magnitude": 1.0}, "field", "found ''"),
    (FaultKind.VALUE_BIAS, {"unit": "gnss", "field": "at", "magnitude": 1.0}, "field", "of gnss (none); found 'at'"),
    (FaultKind.SENSOR_STUCK, {"unit": "compute", "field": "health"}, "field", "found 'health'"),
    (FaultKind.LINK_CUT, {"magnitude": 0.5}, "magnitude", "LINK_CUT takes none; found 0.5"),
    (FaultKind.LINK_DELAY, {}, "magnitude", "needs one of above 0 to 600 s; found none"),
    (FaultKind.LINK_DELAY, {"magnitude": 0.0}, "magnitude", "needs one of above 0 to 600 s; found 0"),
    (FaultKind.LINK_DELAY, {"magnitude": 601.0}, "magnitude", "found 601"),
    (FaultKind.BROWN_OUT, {"duration_s": 5.0}, "duration_s", "BROWN_OUT happens at once and lasts no time; found 5"),
    (FaultKind.BROKER_PAUSE, {"node": ""}, "duration_s", "BROKER_PAUSE needs one, in seconds"),
    (FaultKind.LINK_CUT, {"on_event": "SAA_IN", "rate_per_day": 1.0}, "rate_per_day", "allowed is one of the two"),
    (
        FaultKind.BROKER_STOP,
        {"node": "", "duration_s": 1.0, "on_event": "SAA_IN"},
        "on_event",
        "names no node for SAA_IN",
    ),
    (FaultKind.LINK_CUT, {"nth": 2}, "nth", "2 counts an event; allowed only with on_event"),
    (FaultKind.LINK_CUT, {"times": 2}, "times", "2 needs on_event or rate_per_day; allowed without them is 1"),
]


@pytest.mark.parametrize(("kind", "fields", "key", "says"), BAD)
def test_what_the_catalogue_does_not_have_is_one_line_with_its_key(
    kind: FaultKind, fields: dict[str, object], key: str, says: str
) -> None:
    found = problem(order(kind, **fields))

    assert found is not None
    assert (found.key, "\n" in found.text) == (key, False)
    assert says in found.text


def test_as_many_faults_as_are_allowed_fit_into_one_word() -> None:
    longest = order(
        FaultKind.SENSOR_STUCK,
        fault_id="f" * 63,
        node="n" * 63,
        unit="terminal",
        terminal=15,
        field="f" * 32,
        magnitude=-123456.789,
        after_s=999_999.999,
        on_event="LASER_LOCKED",
        nth=9_999,
        rate_per_day=None,
        times=9_999,
        duration_s=999_999.999,
    )
    row = FaultInForce(order=longest, since=2**62, until=2**62, strikes=9_999)
    said = ActiveFaults(at=1, active=(row,) * FAULTS_MAX, waiting=(), latest="f" * 63, refused="r" * 400)

    assert codec.decode(codec.encode(said), ActiveFaults) == said
    assert len(codec.encode(longest)) < FaultOrder.MAX_BYTES


def test_a_target_is_named_by_its_parts() -> None:
    assert order(FaultKind.SENSOR_LOST, unit="terminal", terminal=0).target == "node-1/terminal/0"
    assert order(FaultKind.BROKER_STOP, node="").target == "broker"
    assert CATALOGUE[FaultKind.TERMINAL_STUCK].terminal is Need.MUST
