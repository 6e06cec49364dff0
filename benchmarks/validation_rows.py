"""The parts of `python -m benchmarks.validation`: each a worst difference, what is allowed, and the margin."""

from importlib import import_module

from benchmarks.door import Part
from experiments.figures import Row, Study


def _part(name: str, peers: tuple[str, ...], module: str, *checks: str) -> Part:
    """Return a part whose module is loaded only when it is measured, since the peer may be missing."""

    def measure() -> list[Row]:
        loaded = import_module(f"benchmarks.{module}")
        return [getattr(loaded, check)() for check in checks]

    return Part(name, peers, measure)


PARTS = (
    _part("skyfield", ("skyfield",), "against_skyfield", "passes", "sunlit_edges", "cone_edges"),
    _part("Basilisk", ("Basilisk",), "against_basilisk", "eclipse_edges", "battery_energy"),
    _part("brute force", (), "against_brute_force", "all_pairs"),
    _part("networkx", ("networkx",), "against_networkx", "all_next_hops"),
)

STUDY = Study(
    name="validation",
    title="the simulated world beside independent references: worst difference, what is allowed, margin",
    seeds=(),
    leaves_out="attitude, drag in sustained flight, and all that has no independent reference: it is tested in tests/.",
    measure=lambda seeds: [row for part in PARTS for row in part.measure()],
)
