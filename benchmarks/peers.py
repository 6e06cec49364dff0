"""Whom we compare with: which peers are installed, and Basilisk in a process of its own."""

import importlib.util
import json
import os
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from astro.frames import FloatArray
from benchmarks.one_thread import ONE_THREAD

# The import name of each peer, and how to get it.
MODULES = {"Basilisk": "Basilisk", "networkx": "networkx", "scipy": "scipy", "skyfield": "skyfield_data"}
HOW_TO_INSTALL = "pip install 'dawnline[peers]', or make validate, which makes an environment for them"
PEER_S_MAX = 600.0  # wall time after which a peer is given up

ROOT = Path(__file__).parent.parent


class PeerError(RuntimeError):
    """A peer that did not do its work."""


@dataclass(frozen=True, slots=True)
class BasiliskTrace:
    """One satellite in Basilisk, a row each second.

    Attributes:
        t_s: seconds from the start, shape (n,).
        position_km: shape (n, 3).
        velocity_km_s: shape (n, 3).
        light_frac: visible fraction of the Sun.
        panel_w: what the panel gives.
        stored_wh: energy in the battery.
    """

    t_s: FloatArray
    position_km: FloatArray
    velocity_km_s: FloatArray
    light_frac: FloatArray
    panel_w: FloatArray
    stored_wh: FloatArray


def missing(*names: str) -> tuple[str, ...]:
    """Return those of the named peers that are not installed."""
    return tuple(name for name in names if importlib.util.find_spec(MODULES[name]) is None)


def basilisk_speed(satellites: int, minutes: float, *, nodes: int, changes: int) -> float:
    """Return how many seconds Basilisk simulates in a second of wall time.

    Args:
        satellites: how many.
        minutes: simulated.
        nodes: thermal nodes of each.
        changes: load changes a day.

    Raises:
        PeerError: it failed; the text is the last line that it said.
    """
    told = json.loads(_basilisk("speed", str(satellites), str(minutes), str(nodes), str(changes)).splitlines()[-1])
    return float(told["sim_s"]) / float(told["wall_s"])


def basilisk_trace(hours: float) -> BasiliskTrace:
    """Return what one satellite does in Basilisk.

    Raises:
        PeerError: it failed.
    """
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "trace.npz"
        _basilisk("trace", str(path), str(hours))
        with np.load(path) as told:
            return BasiliskTrace(
                told["t_s"],
                told["position_m"] / 1e3,
                told["velocity_m_s"] / 1e3,
                told["light_frac"],
                told["panel_w"],
                told["stored_j"] / 3600.0,
            )


def _basilisk(*arguments: str) -> str:
    command = [sys.executable, "-m", "benchmarks.basilisk_peer", *arguments]
    paths = os.pathsep.join(path for path in (str(ROOT), os.environ.get("PYTHONPATH")) if path)
    environment = os.environ | ONE_THREAD | {"PYTHONPATH": paths}
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=PEER_S_MAX, env=environment, check=False)
    except subprocess.TimeoutExpired:
        raise PeerError(f"Basilisk took longer than {PEER_S_MAX:g} s") from None
    if done.returncode:
        raise PeerError(f"Basilisk failed: {(done.stderr.strip().splitlines() or ['no word'])[-1]}")
    return done.stdout
