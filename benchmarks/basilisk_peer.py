"""AVS Basilisk at our work: orbit, eclipse, solar panel, loads, battery and heat, in steps of one second.

This module imports nothing of ours but the numbers of the case, and runs in a process of its own, which
`benchmarks.peers` starts, so that neither side warms or slows the other:

    python -m benchmarks.basilisk_peer speed SATELLITES MINUTES NODES CHANGES   prints {"sim_s": ..., "wall_s": ...}
    python -m benchmarks.basilisk_peer trace FILE HOURS                         writes one satellite, second by second

NODES is the number of thermal nodes a satellite, CHANGES that of load changes a day, at which the simulation stops and
goes on, as its users have it do.

Basilisk is at its fastest here: point-mass Earth, its default integrator (RK4), a fixed Sun, nothing logged while it is
timed.
"""

import json
import math
import sys
import time
from typing import Any

import numpy as np
from Basilisk.architecture import messaging
from Basilisk.simulation import (
    eclipse,
    sensorThermal,
    simpleBattery,
    simplePowerSink,
    simpleSolarPanel,
    spacecraft,
)
from Basilisk.utilities import SimulationBaseClass, macros, orbitalMotion, simIncludeGravBody

from benchmarks.basilisk_case import (
    A_M,
    AU_M,
    CAPACITY_WH,
    ECCENTRICITY,
    IN_PLANE,
    INCLINATION_DEG,
    LOAD_W,
    PANEL_FRAC,
    PANEL_M2,
    PLANES,
    START_FRAC,
    STEP_S,
    SUN_DIRECTION,
)

SEED = 7
_TASK = "task"


class Bench:
    """A Basilisk simulation of some satellites. It holds every module, since Basilisk itself keeps none alive."""

    def __init__(self, satellites: int, nodes: int) -> None:
        self.nodes = nodes
        self.simulation: Any = SimulationBaseClass.SimBaseClass()
        process = self.simulation.CreateNewProcess("process")
        process.addTask(self.simulation.CreateNewTask(_TASK, macros.sec2nano(STEP_S)))
        self.sun = _planet("sun", [AU_M * part for part in SUN_DIRECTION])
        self.shadow: Any = eclipse.Eclipse()
        self.shadow.sunInMsg.subscribeTo(self.sun)
        self.earth_message = _planet("earth", [0.0, 0.0, 0.0])
        self.shadow.addPlanetToModel(self.earth_message)
        self.gravity: Any = simIncludeGravBody.gravBodyFactory()
        self.earth = self.gravity.createEarth()
        self.earth.isCentralBody = True
        self.satellites: list[dict[str, Any]] = [self._satellite(index) for index in range(satellites)]
        self.simulation.AddModelToTask(_TASK, self.shadow, 90)

    def _satellite(self, index: int) -> dict[str, Any]:
        body: Any = spacecraft.Spacecraft()
        body.ModelTag = f"satellite-{index}"
        body.hub.mHub = 1250.0
        body.hub.IHubPntBc_B = [[900.0, 0.0, 0.0], [0.0, 800.0, 0.0], [0.0, 0.0, 600.0]]
        self.gravity.addBodiesTo(body)
        elements = orbitalMotion.ClassicElements()
        elements.a, elements.e, elements.i = A_M, ECCENTRICITY, math.radians(INCLINATION_DEG)
        elements.Omega = math.tau * (index // IN_PLANE) / PLANES
        elements.omega, elements.f = 0.0, math.tau * (index % IN_PLANE) / IN_PLANE
        body.hub.r_CN_NInit, body.hub.v_CN_NInit = orbitalMotion.elem2rv(self.earth.mu, elements)
        self.simulation.AddModelToTask(_TASK, body, 100)
        self.shadow.addSpacecraftToModel(body.scStateOutMsg)
        light = self.shadow.eclipseOutMsgs[index]
        panel: Any = simpleSolarPanel.SimpleSolarPanel()
        panel.setPanelParameters(list(SUN_DIRECTION), PANEL_M2, PANEL_FRAC)
        for message, source in ((panel.stateInMsg, body.scStateOutMsg), (panel.sunInMsg, self.sun)):
            message.subscribeTo(source)
        panel.sunEclipseInMsg.subscribeTo(light)
        sink: Any = simplePowerSink.SimplePowerSink()
        sink.nodePowerOut = -LOAD_W
        battery: Any = simpleBattery.SimpleBattery()
        battery.storageCapacity = CAPACITY_WH * 3600.0
        battery.storedCharge_Init = START_FRAC * CAPACITY_WH * 3600.0
        battery.addPowerNodeToModel(panel.nodePowerOutMsg)
        battery.addPowerNodeToModel(sink.nodePowerOutMsg)
        heat = [self._thermal(body, light) for _ in range(self.nodes)]
        for priority, model in ((80, panel), (70, sink), (60, battery), *((50, node) for node in heat)):
            self.simulation.AddModelToTask(_TASK, model, priority)
        return {"body": body, "light": light, "panel": panel, "sink": sink, "battery": battery, "heat": heat}

    def _thermal(self, body: Any, light: Any) -> Any:
        node: Any = sensorThermal.SensorThermal()
        node.T_0 = 20.0
        node.nHat_B = [0, 0, 1]
        node.sensorArea, node.sensorAbsorptivity, node.sensorEmissivity = 1.0, 0.25, 0.34
        node.sensorMass, node.sensorSpecificHeat, node.sensorPowerDraw = 2.0, 890, 30.0
        node.sunInMsg.subscribeTo(self.sun)
        node.stateInMsg.subscribeTo(body.scStateOutMsg)
        node.sunEclipseInMsg.subscribeTo(light)
        return node

    def run(self, seconds: float) -> None:
        """Simulate from the start up to a time."""
        self.simulation.InitializeSimulation()
        self.go(seconds)

    def go(self, seconds: float) -> None:
        """Go on up to a time."""
        self.simulation.ConfigureStopTime(macros.sec2nano(seconds))
        self.simulation.ExecuteSimulation()


def speed(satellites: int, minutes: float, nodes: int, changes: int) -> dict[str, float]:
    """Return simulated seconds and the wall seconds they took, the making of the modules not counted."""
    bench, span_s = Bench(satellites, nodes), 60.0 * minutes
    rng = np.random.default_rng(SEED)
    stops = np.sort(np.ceil(rng.uniform(0.0, span_s, round(changes * span_s / 86_400.0)))).tolist()
    loads_w = rng.uniform(0.5 * LOAD_W, LOAD_W, len(stops)).tolist()
    bench.run(0.0)
    begun = time.perf_counter()
    for stop_s, load_w in zip(stops, loads_w, strict=True):
        bench.go(stop_s)
        for satellite in bench.satellites:
            satellite["sink"].nodePowerOut = -load_w
    bench.go(span_s)
    return {"sim_s": span_s, "wall_s": time.perf_counter() - begun}


def trace(path: str, hours: float) -> None:
    """Write times, positions and velocities, light, panel power and stored energy of one satellite to a NumPy file."""
    bench = Bench(1, nodes=0)
    one = bench.satellites[0]
    state, light = one["body"].scStateOutMsg.recorder(), one["light"].recorder()
    stored, panel = one["battery"].batPowerOutMsg.recorder(), one["panel"].nodePowerOutMsg.recorder()
    for recorder in (state, light, stored, panel):
        bench.simulation.AddModelToTask(_TASK, recorder, 1)
    bench.run(3600.0 * hours)
    np.savez(
        path,
        t_s=state.times() * 1e-9,
        position_m=state.r_BN_N,
        velocity_m_s=state.v_BN_N,
        light_frac=light.illuminationFactor,
        panel_w=panel.netPower,
        stored_j=stored.storageLevel,
    )


def _planet(name: str, position_m: list[float]) -> Any:
    payload = messaging.SpicePlanetStateMsgPayload()
    payload.PositionVector = position_m
    payload.PlanetName = name
    payload.J20002Pfix = np.eye(3).tolist()
    return messaging.SpicePlanetStateMsg().write(payload)


def main(arguments: list[str]) -> None:
    """Do what the command line asks."""
    match arguments:
        case ["speed", satellites, minutes, nodes, changes]:
            print(json.dumps(speed(int(satellites), float(minutes), int(nodes), int(changes))))
        case ["trace", path, hours]:
            trace(path, float(hours))
        case _:
            usage = "speed SATELLITES MINUTES NODES CHANGES | trace FILE HOURS"
            raise SystemExit(f"usage: python -m benchmarks.basilisk_peer {usage}")


if __name__ == "__main__":
    main(sys.argv[1:])
