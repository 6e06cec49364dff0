"""What the bench itself writes into a history: the truth each minute, and at the end what each program holds."""

import hashlib
from collections import Counter
from dataclasses import asdict
from typing import Any

from flatsat.virtual import Table
from ground.notices import GROUND
from ground.ports.archive import ResultState
from icd.timebase import after
from icd.transfer import TransferKind

ROWS_MAX = 1_000_000  # asked of the ground's archive at the end


def write_sample(table: Table) -> None:
    """Write down how each satellite really stands."""
    now = table.clock.now()
    floor = 1.0 - table.mission.fleet.profile.battery.dod_hard_frac
    paths = table.hwsim.world.spaces
    for node, craft in table.hwsim.world.crafts.items():
        craft.vehicle.settle()
        truth = {
            "soc_frac": craft.vehicle.battery.soc_frac,
            "solar_w": craft.vehicle.solar_w,
            "load_w": craft.vehicle.load_w,
            "load_profile": craft.vehicle.load_profile.value,
            "jobs_run": len(craft.vehicle.compute.allocated),
            "sunlit_frac": craft.vehicle.sunlit_frac,
            "path": paths[node] is not None,
            "soc_hard_floor_frac": floor,
        }
        table.history.write(now, node, "sample", truth)


def write_end(table: Table) -> None:
    """Write down what each program holds, for the checkers that compare them."""
    now = table.clock.now()
    for name, node in table.nodes.items():
        table.history.write(
            now, name, "end", "live_jobs", {row.spec.job_id: row.state.value for row in node.store.live_jobs()}
        )
        table.history.write(now, name, "end", "outbox_rows", node.store.outbox_rows())
        table.history.write(now, name, "end", "open_tcs", [row.request_id for row in node.store.open_tcs()])
    for name, craft in table.hwsim.world.crafts.items():
        craft.vehicle.settle()
        battery, chain = craft.vehicle.battery, craft.vehicle.chain
        table.history.write(now, name, "end", "energy_book", asdict(battery.book) | {"energy_wh": battery.energy_wh})
        table.history.write(now, name, "end", "heat_book", asdict(chain.book) | {"stored_j": chain.stored_j})
    _write_ground_end(table)


def _write_ground_end(table: Table) -> None:
    now, archive = table.clock.now(), table.ground.archive
    jobs = archive.jobs.newest(ROWS_MAX, None, None)
    states = {
        row.job_id: {
            "state": row.state.value,
            "reason": row.reason,
            "node": row.node,
            "result": row.result_state.value,
        }
        for row in jobs
    }
    table.history.write(now, "ground", "end", "ground_jobs", states)
    tcs = archive.tcs.newest(ROWS_MAX, None)
    table.history.write(now, "ground", "end", "ground_tcs", {tc.request_id: tc.stage.value for tc in tcs})
    reports: list[tuple[str, str, dict[str, Any]]] = []
    for tc in tcs:
        reports += [
            (tc.node, "verification", stage.model_dump(mode="json")) for stage in archive.tcs.stages(tc.request_id)
        ]
    for node in table.nodes:
        rows = archive.telemetry.events(0, ROWS_MAX, node, None)
        reports += [(node, "event", {"event_id": row.event_id, "at": row.at}) for row in rows if row.node == node]
        timeline = archive.jobs.reports_between(node, table.mission.epoch, after(now, 1.0))
        reports += [(node, "job", row.report.model_dump(mode="json")) for row in timeline]
    table.history.write(now, "ground", "end", "reports", reports)
    own = archive.telemetry.events(0, ROWS_MAX, GROUND, None)
    table.history.write(now, "ground", "end", "ground_events", dict(Counter(row.event_id for row in own)))
    table.history.write(now, "ground", "end", "results", _result_hashes(table))


def _result_hashes(table: Table) -> dict[str, str]:
    hashes = {}
    for row in table.ground.archive.jobs.newest(ROWS_MAX, None, None):
        if row.result_state is ResultState.READY:
            content = table.ground.service.reader.job_file(row.job_id, TransferKind.RESULT)
            hashes[row.job_id] = hashlib.sha256(content).hexdigest()
    return hashes
