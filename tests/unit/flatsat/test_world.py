"""`dawnline world picture`: flies a class of satellite and draws it, always alike."""

import hashlib
import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from flatsat import orbit
from flatsat.cli import app
from flatsat.world import PROFILES, ProfileError, load_profile

BYTES_MAX = 200_000


@pytest.fixture(scope="module")
def v2mini() -> orbit.Orbit:
    return orbit.fly(load_profile(PROFILES / "v2mini.toml"))


@pytest.mark.slow
def test_the_same_command_draws_the_same_bytes(tmp_path: Path) -> None:
    hashes = []
    for name in ("a", "b"):
        result = CliRunner().invoke(app, ["world", "picture", "cubesat", "--out", str(tmp_path / name), "--json"])
        assert result.exit_code == 0, result.output
        drawn = Path(json.loads(result.stdout)["pictures"][0]["picture"])
        assert 20_000 < drawn.stat().st_size < BYTES_MAX
        hashes.append(hashlib.sha256(drawn.read_bytes()).hexdigest())

    assert hashes[0] == hashes[1]


@pytest.mark.slow
def test_two_orbits_hold_two_eclipses_in_which_the_array_gives_nothing(v2mini: orbit.Orbit) -> None:
    track = v2mini.track
    inside = [
        watts
        for minute, watts in zip(track.minutes, track.solar_w, strict=True)
        if any(start + 0.5 < minute < end - 0.5 for start, end in v2mini.eclipses)
    ]

    assert len(v2mini.eclipses) == 2
    assert len(inside) > 100
    assert max(inside) == 0.0
    assert max(track.solar_w) > 10_000.0
    assert track.minutes == sorted(track.minutes)


@pytest.mark.slow
def test_every_terminal_tracks_and_the_crossing_one_comes_and_goes(v2mini: orbit.Orbit) -> None:
    tracked = [[phase for phase in phases if phase.state == "TRACK"] for phases in v2mini.terminals]

    assert len(tracked) == 3
    assert all(tracked)
    assert len(tracked[-1]) >= 3


@pytest.mark.slow
def test_the_bench_keeps_the_battery_above_its_hard_floor(v2mini: orbit.Orbit) -> None:
    assert min(v2mini.track.soc_frac) > 1.0 - v2mini.profile.battery.dod_hard_frac


@pytest.mark.parametrize("arguments", [[], ["v3node", "--all"], ["vostok"], ["--all", "--profiles", "docs"]])
def test_what_cannot_be_drawn_is_one_line_and_exit_code_2(arguments: list[str], tmp_path: Path) -> None:
    result = CliRunner().invoke(app, ["world", "picture", *arguments, "--out", str(tmp_path)])

    assert result.exit_code == 2
    assert len(result.output.strip().splitlines()) == 1
    assert result.output.startswith("dawnline: ")


def test_a_profile_with_a_wrong_key_names_file_and_key(tmp_path: Path) -> None:
    path = tmp_path / "odd.toml"
    path.write_text((PROFILES / "v3node.toml").read_text().replace("nameplate_w = 60_000.0", "nameplate_w = -1.0"))

    with pytest.raises(ProfileError, match=r"odd\.toml: array\.nameplate_w: "):
        load_profile(path)
