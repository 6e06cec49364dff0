"""An orderly stop is an event like any other: it waits in the outbox for the next contact."""

import asyncio
from pathlib import Path

import pytest

from flatsat.mission import load_mission
from flatsat.virtual import Meddling, Table
from runtime.virtual_loop import run_virtual

MISSION = Path(__file__).parents[2] / "missions" / "first-light.toml"


@pytest.mark.slow
def test_an_orderly_stop_is_reported_by_the_node_that_stops(tmp_path: Path) -> None:
    async def fly() -> list[object]:
        table = Table(load_mission(MISSION), 7, tmp_path, Meddling())
        table.start()
        await asyncio.sleep(120.0)
        node = table.nodes["node-1"]
        node.stop()
        waiting = [item.body.get("event_id") for item in node.store.take_outbox(64, 0)]
        await table.close()
        return waiting

    assert "NODE_STOPPED" in run_virtual(fly())
