"""The parts of `python -m benchmarks.world`."""

from benchmarks import world_speed
from benchmarks.door import Part
from experiments.figures import Row, Study


def _cone() -> list[Row]:
    from benchmarks import against_skyfield  # here, because skyfield may be missing

    return [against_skyfield.cone_edges()]


PARTS = (
    Part("one satellite", ("Basilisk",), lambda: [world_speed.one_satellite_row()]),
    Part("a hundred satellites", ("Basilisk",), lambda: [world_speed.hundred_satellites_row()]),
    Part("constellation", (), lambda: [world_speed.constellation_row()]),
    Part("dense positions", (), world_speed.dense_rows),
    Part("line of sight", (), lambda: [world_speed.sight_row()]),
    Part("routes", (), world_speed.routes_rows),
    Part("memory", (), lambda: [world_speed.memory_row()]),
    Part("stored energy", (), lambda: [world_speed.energy_row()]),
    Part("eclipse edges", ("skyfield",), _cone),
)

STUDY = Study(
    name="world",
    title="how fast the simulated world is beside its peers, and how exact it stays",
    seeds=(world_speed.SEED,),
    leaves_out="making the satellites on both sides, reading element sets, and all that node, ground and links do.",
    measure=lambda seeds: [row for part in PARTS for row in part.measure()],
)
