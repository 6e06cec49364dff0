"""Any faults at all: what the catalogue lets pass never breaks the world, and what it does not is refused."""

import random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flatsat.fault_draws import draw_order
from hwsim.faults import refusal
from icd import codec, hw, topics
from icd.fault_catalogue import CATALOGUE, Need, fields_of, problem
from icd.faults import FaultKind, FaultOrder
from tests.property.wires import bodies
from tests.unit.hwsim.bench import NODES, Table

TERMINALS = 2


@st.composite
def legal_orders(draw: st.DrawFn) -> FaultOrder:
    """Draw an order from the whole range of its kind."""
    kind = draw(st.sampled_from(FaultKind))
    rule = CATALOGUE[kind]
    units = [one for one in rule.units if rule.field is not Need.MUST or fields_of(one)]
    unit = draw(st.sampled_from(units)) if units else ""
    names: dict[str, Any] = {"unit": unit, "node": draw(st.sampled_from(NODES)) if rule.node else ""}
    if rule.terminal is not Need.NO and unit in ("", "terminal"):
        numbers = st.integers(0, TERMINALS - 1)
        names["terminal"] = draw(numbers if rule.terminal is Need.MUST else st.none() | numbers)
    if rule.field is not Need.NO and fields_of(unit):
        fields = st.sampled_from(list(fields_of(unit)))
        names["field"] = draw(fields if rule.field is Need.MUST else st.just("") | fields)
    if rule.magnitude is not None:
        span = rule.magnitude
        names["magnitude"] = draw(st.floats(span.low, span.high, exclude_min=span.above, allow_nan=False))
    names |= draw(st.sampled_from([{}, {"rate_per_day": 10_000.0, "times": 5}, {"rate_per_day": 1e-4}]))
    if not rule.instant:
        lasts = st.floats(0.001, 4_000.0)
        names["duration_s"] = draw(lasts if not rule.endless else st.none() | lasts)
    return FaultOrder(fault_id=draw(st.uuids()).hex, kind=kind, after_s=draw(st.floats(0.0, 600.0)), **names)


@pytest.mark.slow
@settings(max_examples=20, deadline=None)
@given(st.lists(legal_orders(), min_size=1, max_size=8))
def test_no_legal_fault_breaks_the_world(orders: list[FaultOrder]) -> None:
    table = Table()
    table.order("node-1", hw.TerminalPoint(terminal=0, peer="node-3", peer_terminal=0))
    table.order("node-3", hw.TerminalPoint(terminal=0, peer="node-1", peer_terminal=0))

    for order in orders:
        assert problem(order) is None
        table.sim.on_message(topics.SIM_FAULT, codec.encode(order))
        table.fly(90.0)
    table.order("node-1", hw.ComputeAllocate(job_id="a", power_w=900.0))
    for unit in hw.UNITS:
        table.order("node-1", hw.UnitReset(unit=unit))
    table.fly(1_200.0)

    assert table.sim.counters.rejected == 0
    assert all(frame.readings for node in NODES for frame in table.frames(node))
    Table(snapshot=table.sim.snapshot()).fly(60.0)


@settings(max_examples=200, deadline=None)
@given(bodies(FaultOrder))
def test_any_order_is_taken_or_refused_with_one_line_that_names_a_key(body: dict[str, Any]) -> None:
    order = FaultOrder.model_validate(body)

    found = refusal(order, dict.fromkeys(NODES, TERMINALS))

    if found is not None:
        assert found.key in FaultOrder.model_fields
        assert found.text
        assert "\n" not in found.text


@given(st.integers(0, 2**32))
def test_what_the_swarm_draws_is_legal(seed: int) -> None:
    order = draw_order(random.Random(seed), "f", NODES, TERMINALS)

    assert refusal(order, dict.fromkeys(NODES, TERMINALS)) is None, seed
