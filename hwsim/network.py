"""Who can reach the ground now: a station in view, or a chain of locked lasers to a satellite that has one."""

from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

GROUND_HAUL_S = 0.020  # assumed: from a station to the control centre, by fibre
HOP_S = 0.001  # assumed: forwarding in one satellite


@dataclass(frozen=True, slots=True)
class SpacePath:
    """How a node reaches the ground: one way delay in mission time, rate, and through which satellites and station.

    Faults may lose a fraction of the QoS 0 messages and copy one of the QoS 1 messages.
    """

    delay_s: float
    rate_bps: float
    hops: tuple[str, ...]
    station: str
    loss_frac: float = 0.0
    copy_frac: float = 0.0


@dataclass(frozen=True, slots=True)
class Gateway:
    """A satellite with a working radio over a station: the light time down, and the radio's rate."""

    station: str
    delay_s: float
    rate_bps: float


def paths(
    nodes: Sequence[str],
    gateways: Mapping[str, Gateway],
    lasers: Sequence[tuple[str, str, float]],
    laser_rate_bps: float,
) -> dict[str, SpacePath | None]:
    """Return each node's path to the ground, the one of fewest hops; ties go by the order of `nodes` and `lasers`.

    Args:
        nodes: all satellites.
        gateways: those that have a station now.
        lasers: locked pairs with the light time between them, s.
        laser_rate_bps: what a laser carries.
    """
    beside: dict[str, list[tuple[str, float]]] = {node: [] for node in nodes}
    for a, b, delay_s in lasers:
        beside[a].append((b, delay_s))
        beside[b].append((a, delay_s))
    found: dict[str, SpacePath | None] = dict.fromkeys(nodes)
    waiting: deque[str] = deque()
    for node in nodes:
        gateway = gateways.get(node)
        if gateway is not None:
            found[node] = SpacePath(gateway.delay_s + GROUND_HAUL_S, gateway.rate_bps, (), gateway.station)
            waiting.append(node)
    while waiting:
        node = waiting.popleft()
        path = found[node]
        assert path is not None
        for other, delay_s in beside[node]:
            if found[other] is None:
                total_s = path.delay_s + delay_s + HOP_S
                rate_bps = min(path.rate_bps, laser_rate_bps)
                found[other] = SpacePath(total_s, rate_bps, (node, *path.hops), path.station)
                waiting.append(other)
    return found
