"""The mission file: read whole, or one line that names file, key, what was found and what is allowed."""

from pathlib import Path

import pytest

from flatsat.mission import MissionError, load_mission
from flatsat.workload import submissions
from icd.faults import FaultKind
from icd.jobs import JobClass
from icd.timebase import after, seconds_between
from tests.unit.flatsat import missions

FIXTURES = Path("tests/fixtures/elements")
FAULT = """
[[faults]]
fault_id = "dark"
kind = "ARRAY_STRING_DEAD"
node = "node-2"
magnitude = 0.5
after_s = 60.0
duration_s = 600.0
"""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return missions.copy(tmp_path)


def complaint(path: Path) -> str:
    with pytest.raises(MissionError) as caught:
        load_mission(path)
    text = str(caught.value)
    assert "\n" not in text
    assert len(text) < 700  # the longest names every kind of fault
    return text


def test_a_mission_is_read_whole(path: Path) -> None:
    mission = load_mission(path)

    assert mission.node_ids == ("node-1", "node-2", "node-3", "node-4")
    assert len(mission.fleet.stations) == 12
    assert [one.node for one in mission.fleet.elements] == list(mission.node_ids)
    assert mission.soc_start_frac["node-2"] == 0.90
    assert mission.epoch == mission.fleet.epoch
    assert [one.table.name for one in mission.workload] == ["train", "image"]


@pytest.mark.parametrize("shipped", sorted(missions.SHIPPED.glob("*.toml")), ids=lambda path: path.stem)
def test_every_shipped_mission_can_be_flown(shipped: Path) -> None:
    assert submissions(load_mission(shipped))


def test_paths_in_a_mission_are_relative_to_its_file(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir("/")

    assert load_mission(path).fleet.profile.name == "v3node"


def test_faults_of_the_file_become_the_simulators_orders(path: Path) -> None:
    path.write_text(path.read_text() + FAULT)

    (order,) = load_mission(path).faults

    assert (order.fault_id, order.kind, order.node) == ("dark", FaultKind.ARRAY_STRING_DEAD, "node-2")
    assert (order.unit, order.terminal, order.magnitude, order.times) == ("", None, 0.5, 1)


# What to put for what in the mission file, and what the line must say.
MISTAKES = {
    "unknown key": ('name = "first-light"', 'nmae = "x"\nname = "m"', ("nmae: no such key; allowed are name, title,",)),
    "unknown key of a table": ("[jobs]", '[jobs]\ncolour = "red"', ("jobs.colour: no such key; allowed are sandbox,",)),
    "unknown key of a row": ('id = "node-1"', 'id = "node-1"\nx = 1', ("nodes.0.x: no such key", "soc_start_frac")),
    "missing key": ("seed = 7", "", ("seed: this key is missing",)),
    "missing key of a row": ("soc_start_frac = 0.90", "", ("nodes.1.soc_start_frac: this key is missing",)),
    "missing table": ("[vehicle]", "[spare]", ("vehicle: this key is missing",)),
    "wrong type": ("seed = 7", 'seed = "seven"', ("seed: ", "valid integer", "'seven'")),
    "truth for a number": ("seed = 7", "seed = true", ("seed: ", "valid integer", "'True'")),
    "table for a text": ('name = "first-light"', "name = {}", ("name: ", "valid string")),
    "negative seed": ("seed = 7", "seed = -1", ("seed: ", "greater than or equal to 0", "'-1'")),
    "rate out of bounds": ("rate = 60.0", "rate = 1e6", ("rate: ", "less than or equal to 1000", "'1000000.0'")),
    "rate that is no number": ("rate = 60.0", "rate = nan", ("rate: ", "'nan'")),
    "endless period": ("every_s = 300.0", "every_s = inf", ("workload.1.every_s: ", "finite", "'inf'")),
    "name that is none": ('name = "first-light"', 'name = "First Light"', ("name: ", "'First Light'")),
    "node id that is none": ('id = "node-1"', 'id = "../x"', ("nodes.0.id: ", "'../x'")),
    "empty battery": ("soc_start_frac = 0.93", "soc_start_frac = 0.0", ("nodes.0.soc_start_frac: ", "greater than 0")),
    "no such choice": (
        'sandbox = "prefer"',
        'sandbox = "never"',
        ("jobs.sandbox: ", "'require' or 'prefer'", "'never'"),
    ),
    "bad class": (
        "count = 200",
        'count = 2\njob_class = "WARM"',
        ("workload.1.job_class: ", "'HOT', 'STANDARD' or 'BULK'"),
    ),
    "missing elements file": ("first-light.tle", "none.tle", ("elements: cannot read", "none.tle", "No such file")),
    "missing stations file": ("dozen.toml", "none.toml", ("stations: cannot read", "none.toml", "No such file")),
    "missing profile": ("v3node.toml", "none.toml", ("vehicle.profile: cannot read", "none.toml", "No such file")),
    "folder for a file": ('"elements/first-light.tle"', '"elements"', ("elements: cannot read", "directory")),
    "missing element set": (
        "STARLINK-3308",
        "STARLINK-1",
        ("nodes.0.satellite: no element set named 'STARLINK-1'", "STARLINK-3308"),
    ),
    "stale element set": (
        "2026-08-22T18",
        "2026-12-22T18",
        ("nodes.0.satellite: ", "first-light.tle, row 2: ", "days from 2026-12-22T18:29:30.000Z; at most 14 are"),
    ),
    "duplicate node": ('id = "node-2"', 'id = "node-1"', ("nodes: 'node-1' stands twice",)),
    "node named as a program": ('id = "node-2"', 'id = "ground"', ("nodes: 'ground' is another program's name",)),
    "node named as a bus user": ('id = "node-2"', 'id = "node-1-av"', ("nodes: 'node-1-av' stands twice",)),
    "duplicate workload": ('name = "train"', 'name = "image"', ("workload: 'image' stands twice",)),
    "job of another stream": (
        'name = "train"',
        'name = "image-0007"',
        ("workload: 'image-0007' is also a job of 'image'",),
    ),
    "job id too long": ('name = "image"', f'name = "{"i" * 60}"', ("workload.1: ", "'job_id'")),
    "too many arguments": ('"{index}"]', '"{index}"' + ', "x"' * 40 + "]", ("workload.1: ", "'command'", "at most 32")),
    "job beyond the module's power": (
        "every_s = 300.0",
        "every_s = 300.0\npower_w = 9_500.0",
        ("workload.1.power_w: 9500 W a job; the module has 9200 W above idle",),
    ),
    "job beyond the module's slots": (
        "every_s = 300.0",
        "every_s = 300.0\nslots = 9",
        ("workload.1.slots: 9 a job; the module has 8",),
    ),
    "missing bundle": ('bundle = "jobs/image"', 'bundle = "jobs/none"', ("workload.0.bundle: ", "jobs/none")),
    "too many terminals": (
        "laser_terminals = 2",
        "laser_terminals = 5",
        ("vehicle.laser_terminals: 5 is more than the 4",),
    ),
    "start without zone": ("18:29:30Z", "18:29:30", ("start: ", "time zone", "write it as 2026-08-22T04:10:00Z")),
    "start that is none": ("2026-08-22T18:29:30Z", "soon", ("start: ", "'soon'", "write it as 2026-08-22T04:10:00Z")),
    "start out of the calendar": ("2026-08-22T18:29:30Z", "9999-12-31T23:59:59-23:59", ("start: ", "9999")),
    "start as a TOML date": ('"2026-08-22T18:29:30Z"', "2026-08-22T18:29:30Z", ("start: ", "valid string")),
    "not TOML": ("seed = 7", "seed = = 7", ("not TOML: ", "line")),
    "a number of 5000 digits": ("seed = 7", f"seed = {'9' * 5000}", ("not TOML: ",)),
    "tables without end": ("seed = 7", f"seed = {'[' * 5000}{']' * 5000}", ("not TOML: ",)),
    "no nodes": ("[[nodes]]", "[[knots]]", ("knots: no such key; allowed are name, title, start",)),
}


@pytest.mark.parametrize("what", MISTAKES)
def test_a_mistake_in_the_file_is_one_line_with_file_key_and_what_is_allowed(path: Path, what: str) -> None:
    old, new, says = MISTAKES[what]
    missions.edit(path, old, new)

    text = complaint(path)

    assert text.startswith(str(path))
    assert [part for part in says if part not in text] == [], text


FAULT_MISTAKES = {
    "unknown node": ('"node-2"', '"node-9"', "faults.0.node: no node 'node-9'; there are node-1, node-2,"),
    "no node": ('node = "node-2"', "", "faults.0.node: ARRAY_STRING_DEAD needs the node that it strikes"),
    "unknown kind": ('"ARRAY_STRING_DEAD"', '"GREMLIN"', "faults.0.kind: Input should be 'SENSOR_LOST'"),
    "unknown key": ("magnitude = 0.5", "size = 0.5", "faults.0.size: no such key; allowed are fault_id, kind, node,"),
    "unit of no kind": (
        'node = "node-2"',
        'node = "node-2"\nunit = "wheel"',
        "faults.0.unit: ARRAY_STRING_DEAD names no unit; found 'wheel'",
    ),
    "no unit for a sensor": (
        'kind = "ARRAY_STRING_DEAD"\nnode = "node-2"\nmagnitude = 0.5',
        'kind = "SENSOR_LOST"\nnode = "node-2"',
        "faults.0.unit: SENSOR_LOST needs one of eps, thermal, compute, terminal, gnss, watchdog; found ''",
    ),
    "terminal beyond the fleet's": (
        'kind = "ARRAY_STRING_DEAD"\nnode = "node-2"\nmagnitude = 0.5',
        'kind = "TERMINAL_STUCK"\nnode = "node-2"\nterminal = 2',
        "faults.0.terminal: no terminal 2 on node-2, which has 2",
    ),
    "terminal beyond all": ('node = "node-2"', 'node = "node-2"\nterminal = 99', "faults.0.terminal: "),
    "field of another unit": (
        'kind = "ARRAY_STRING_DEAD"',
        'kind = "VALUE_BIAS"\nunit = "thermal"\nfield = "soc_frac"',
        "faults.0.field: VALUE_BIAS needs a numeric field of thermal (module_temp_c, loop_temp_c,",
    ),
    "all of the array": (
        "magnitude = 0.5",
        "magnitude = 1.0",
        "faults.0.magnitude: ARRAY_STRING_DEAD needs one of above 0 to 0.95; found 1",
    ),
    "two triggers": (
        "after_s = 60.0",
        'on_event = "SAA_IN"\nrate_per_day = 2.0',
        "faults.0.rate_per_day: on_event SAA_IN stands too; allowed is one of the two",
    ),
    "unknown event": ("after_s = 60.0", 'on_event = "DOOMSDAY"', "faults.0.on_event: Input should be 'ECLIPSE_IN'"),
    "no duration": ("duration_s = 600.0", "duration_s = 0.0", "faults.0.duration_s: "),
    "endless duration": ("duration_s = 600.0", "duration_s = 1e300", "faults.0.duration_s: "),
}


@pytest.mark.parametrize("what", FAULT_MISTAKES)
def test_a_fault_that_the_simulator_would_refuse_is_refused_when_the_file_is_read(path: Path, what: str) -> None:
    old, new, says = FAULT_MISTAKES[what]
    path.write_text(path.read_text() + FAULT.replace(old, new))

    text = complaint(path)

    assert text.startswith(f"{path}: {says}"), text


def test_a_fault_id_that_stands_twice_is_refused(path: Path) -> None:
    path.write_text(path.read_text() + FAULT + FAULT)

    assert "faults: 'dark' stands twice" in complaint(path)


def test_a_missing_mission_file_is_named() -> None:
    assert complaint(Path("missions/none.toml")) == "cannot read missions/none.toml: No such file or directory"


def test_a_mission_that_is_no_text_is_named(path: Path) -> None:
    path.write_bytes(b'name = "\xff"\n')

    assert complaint(path) == f"cannot read {path}: not UTF-8 text"


@pytest.mark.parametrize(
    ("old", "new", "why"),
    [
        ("15.31702622255437", "15.31702622255438", "checksum"),
        ("53.1597", "53.159", "68 characters, not 69"),
        ("1 50846U", "1 50847U", "checksum"),
    ],
)
def test_a_malformed_element_line_is_named_with_the_reason(path: Path, old: str, new: str, why: str) -> None:
    missions.edit(path.parent / "elements" / "first-light.tle", old, new)

    text = complaint(path)

    assert "nodes.0.satellite: no element set named 'STARLINK-3308'" in text
    assert why in text


def _sets_of(path: Path, text: str, satellite: str = "STARLINK-3308") -> None:
    """Let the mission's one node fly a satellite of an element file with this text."""
    (path.parent / "elements" / "first-light.tle").write_text(text)
    whole = path.read_text()
    nodes, work = whole.index("[[nodes]]"), whole.index("[[workload]]")
    node = f'[[nodes]]\nid = "node-1"\nsatellite = "{satellite}"\nsoc_start_frac = 0.93\n\n'
    path.write_text(whole[:nodes] + node + whole[work:])


@pytest.mark.parametrize("kind", ["json", "csv", "xml", "kvn"])
def test_a_mission_flies_omm_as_it_flies_two_line_sets(path: Path, kind: str) -> None:
    before = load_mission(path).fleet.elements[0]
    _sets_of(path, (FIXTURES / f"three.{kind}").read_text())

    assert load_mission(path).fleet.elements == (before,)


def test_a_satellite_may_be_named_by_its_catalogue_number(path: Path) -> None:
    _sets_of(path, (FIXTURES / "three.csv").read_text(), "50846")

    assert load_mission(path).fleet.elements[0].name == "STARLINK-3308"


@pytest.mark.parametrize(
    ("satellite", "says"),
    [
        (
            "STARLINK-1279",
            "Z, 15.1 days after 2026-08-22T18:29:30.000Z; allowed is a perigee of 120 km or more for 30 days",
        ),
        ("STARLINK-1623", "/elements/first-light.tle, row 5: SGP4 gives a perigee of "),
        ("STARLINK-5885", "row 11: its epoch 2026-07-30T14:04:58.000Z is 23.2 days from 2026-08-22T18:29:30.000Z; at"),
        ("STARLINK-3308", "stands twice in "),
        ("STARLINK-9904", "row 28: STARLINK-9904: malformed: line 2, column 9: inclination 194.0000 is not from 0 to"),
    ],
)
def test_a_set_that_cannot_be_flown_is_refused_with_file_row_found_and_allowed(
    path: Path, satellite: str, says: str
) -> None:
    _sets_of(path, (FIXTURES / "sample.tle").read_text(), satellite)

    text = complaint(path)

    assert text.startswith(f"{path}: nodes.0.satellite: ")
    assert "/elements/first-light.tle" in text
    assert says in text, text


def test_an_orbit_need_not_outlast_a_run_whose_length_is_known(path: Path) -> None:
    _sets_of(path, (FIXTURES / "sample.tle").read_text(), "STARLINK-1279")

    assert load_mission(path, hours=24.0).node_ids == ("node-1",)
    with pytest.raises(MissionError, match="allowed is a perigee of 120 km or more for 16 days"):
        load_mission(path, hours=14.0 * 24.0)


def test_two_nodes_cannot_fly_one_satellite(path: Path) -> None:
    missions.edit(path, 'satellite = "STARLINK-37440"', 'satellite = "STARLINK-3308"')

    assert complaint(path) == (f"{path}: nodes.1.satellite: 'STARLINK-3308' is node-1's already; each node has its own")


def test_a_name_that_two_satellites_bear_asks_for_the_number(path: Path) -> None:
    text = (FIXTURES / "three.csv").read_text().replace("STARLINK-1008", "STARLINK-3308")
    _sets_of(path, text)

    assert "2 satellites are named 'STARLINK-3308' in " in complaint(path)
    assert complaint(path).endswith("row 2 (44714), row 3 (50846); exactly one is allowed: write the catalogue number")


def test_a_class_whose_longest_link_its_light_does_not_reach_is_refused(path: Path) -> None:
    missions.edit(path.parent / "profiles" / "v3node.toml", "transmit_w = 4.0 ", "transmit_w = 0.04 ")

    text = complaint(path)

    assert "lasers.range_km of v3node: 5400 km" in text
    assert text.endswith("its link budget closes 2.5e+09 bit/s up to 4257 km")


def test_a_mistake_in_the_profile_names_the_profiles_file_and_key(path: Path) -> None:
    profile = path.parent / "profiles" / "v3node.toml"
    missions.edit(profile, "dod_routine_frac = 0.35", "dod_routine_frac = 0.50")

    text = complaint(path)

    assert text == f"{path.parent}/profiles/v3node.toml: battery: dod_routine_frac is above dod_hard_frac"


def test_a_station_that_stands_twice_names_the_stations_file(path: Path) -> None:
    missions.edit(path.parent / "stations" / "dozen.toml", 'name = "fucino"', 'name = "brewster"')

    assert complaint(path) == f"{path.parent}/stations/dozen.toml: file: station brewster stands twice"


def test_a_bad_bundle_names_its_file_and_key(path: Path) -> None:
    missions.edit(path.parent / "jobs" / "image" / "job.toml", "power_w", "power_kw")

    text = complaint(path)

    assert text.startswith(f"{path}: workload.0.bundle: {path.parent}/jobs/image/job.toml: unknown key 'power_kw'")


def test_the_workload_is_in_order_of_time_with_ids_that_are_the_same_each_time(path: Path) -> None:
    mission = load_mission(path)

    found = submissions(mission)

    assert [one.spec.job_id for one in found[:4]] == ["train", "image-0001", "image-0002", "image-0003"]
    assert seconds_between(mission.epoch, found[3].at) == 660.0
    assert found[2].spec.command[-1] == "2"
    assert len(found) == 201
    assert submissions(mission) == found


def test_the_workload_up_to_an_instant_leaves_out_what_comes_then(path: Path) -> None:
    mission = load_mission(path)

    found = submissions(mission, after(mission.epoch, 360.0))

    assert [one.spec.job_id for one in found] == ["train", "image-0001"]


def test_a_stream_may_change_the_class_and_set_a_deadline(path: Path) -> None:
    missions.edit(path, "count = 200", 'count = 2\njob_class = "HOT"\ndeadline_after_s = 600.0')
    mission = load_mission(path)

    last = submissions(mission)[-1]

    assert last.spec.job_class is JobClass.HOT
    assert last.spec.deadline == after(last.at, 600.0)
