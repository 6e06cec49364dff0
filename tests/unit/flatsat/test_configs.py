"""What each program is told is what it takes; and the bench's ear for the watchdog."""

import json
from pathlib import Path
from typing import Any

import pytest

from flatsat import configs, run_dir
from flatsat.bench_link import BenchLink
from flatsat.configs import Setting
from flatsat.mission import load_mission
from ground import config as ground_config
from hwsim import config as hwsim_config
from icd.codec import encode
from icd.faults import ActiveFaults
from icd.hw import DeviceFrame, Quality, WatchdogReading
from node import config as node_config

PORTS = run_dir.Ports(8460, 8461, 8462, {f"node-{at}": 8462 + at for at in (1, 2, 3, 4)})


@pytest.fixture
def setting(tmp_path: Path) -> Setting:
    mission = load_mission(Path("missions/first-light.toml"))
    return Setting(mission, run_dir.new_run(mission, tmp_path), PORTS, "s0001", 60.0)


def test_every_program_takes_the_configuration_that_is_written_for_it(setting: Setting) -> None:
    run = setting.run

    hwsim = hwsim_config.load(run.write_config("hwsim", configs.hwsim_config(setting)))
    ground = ground_config.load_config(run.write_config("ground", configs.ground_config(setting)))
    nodes = [
        node_config.load_config(run.write_config(name, configs.node_config(setting, name)))
        for name in setting.mission.node_ids
    ]

    assert hwsim.fleet == ground.fleet == nodes[0].fleet == setting.mission.fleet
    assert [one.node for one in nodes] == list(setting.mission.node_ids)
    assert {one.space_link.port for one in nodes} == set(PORTS.space.values())


def test_no_configuration_holds_a_secret(setting: Setting) -> None:
    written = [configs.hwsim_config(setting), configs.ground_config(setting)]
    written += [configs.node_config(setting, node) for node in setting.mission.node_ids]
    secrets = [
        path.read_text().strip()
        for folder in ("broker", "laser", "tokens", ".")
        for path in sorted((setting.run.keys.directory / folder).glob("*"))
        if path.is_file() and path.suffix != ".json"
    ]

    assert len(secrets) > 15
    assert [one for one in secrets if one in json.dumps(written)] == []


def test_each_program_speaks_on_its_own_topics_alone(setting: Setting) -> None:
    users = {user.username: user for user in configs.broker_users(setting)}

    assert len(users) == 3 + 2 * 4
    assert users["node-1"].publish == ("dl/node-1/#",)
    assert users["node-1"].subscribe == ("ul/node-1/#",)
    assert users["node-1-av"].publish == ("av/node-1/cmd",)
    others = [name for name, user in users.items() if any(one.startswith("ul/") for one in user.publish)]
    assert others == ["ground"]
    assert [name for name, user in users.items() if "sim/fault" in user.publish] == ["bench"]
    assert len({user.password for user in users.values()}) == len(users)


def frame(bites: int, node: str = "node-1") -> bytes:
    reading = WatchdogReading(quality=Quality.GOOD, remaining_s=1.0, bites=bites)
    return encode(DeviceFrame(node=node, counter=1, at=0, readings=(reading,)))


@pytest.mark.parametrize(
    ("heard", "bitten"),
    [
        ([("av/node-1/frame", frame(0)), ("av/node-1/frame", frame(0))], []),
        ([("av/node-1/frame", frame(3)), ("av/node-1/frame", frame(4)), ("av/node-1/frame", frame(4))], ["node-1"]),
        ([("av/node-1/frame", frame(3)), ("av/node-1/frame", frame(1)), ("av/node-1/frame", frame(2))], ["node-1"]),
        ([("av/node-1/frame", frame(0)), ("av/node-2/frame", frame(1, "node-2"))], []),
        ([("av/node-9/frame", frame(0, "node-9")), ("av/node-9/frame", frame(1, "node-9"))], []),
        ([("av/node-1/frame", frame(0)), ("av/node-2/frame", frame(1))], []),
        ([("av/node-1/frame", frame(0)), ("av/node-1/frame", b"\xc1"), ("x", frame(1))], []),
    ],
)
async def test_a_bite_is_a_growing_count_of_a_node_of_the_mission_on_its_own_topic(
    setting: Setting, heard: list[tuple[str, bytes]], bitten: list[Any]
) -> None:
    got: list[str] = []
    link = BenchLink(setting, got.append, lambda said: None)

    for topic, payload in heard:
        link.on_message(topic, payload)

    assert got == bitten


async def test_the_word_of_faults_is_handed_on_and_garbage_is_not(setting: Setting) -> None:
    got: list[ActiveFaults] = []
    link = BenchLink(setting, lambda node: None, got.append)
    said = ActiveFaults(at=1, active=(), waiting=(), latest="f", refused=None)

    link.on_message("sim/faults", b"garbage")
    link.on_message("sim/faults", encode(said))

    assert got == [said]
