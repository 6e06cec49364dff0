"""Who can reach the ground now: a station in view, or a chain of locked lasers to a satellite that has one."""

from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

GROUND_HAUL_S = 0.020  # assumed: from a station to the control centre, by fibre
HOP_S = 0.001  # assumed: forwarding in one satellite


@dataclass(frozen=True, slots=True)
class SpacePath:
    """How a node reaches the ground: one way delay in mission time, rate, and through which satellites and station.

    At rate 0 a laser on the way fades: what is sent waits. Faults may lose a fraction of the QoS 0 messages, and
    copy one of the QoS 1 messages.
    """

    delay_s: float
    rate_bps: float
    hops: tuple[str, ...]
    station: str
    loss_frac: float = 0.0
    copy_frac: float = 0.0


@dataclass(frozen=True, slots=True)
class LaserPath:
    """What lies between two locked terminals: light time in mission time, and rate, 0 while the link fades."""

    delay_s: float
    rate_bps: float


@dataclass(frozen=True, slots=True)
class Gateway:
    """A satellite with a working radio over a station: the light time down, and the radio's rate."""

    station: str
    delay_s: float
    rate_bps: float


def paths(
    nodes: Sequence[str],
    gateways: Mapping[str, Gateway],
    lasers: Sequence[tuple[str, str, LaserPath]],
) -> dict[str, SpacePath | None]:
    """Return each node's path to the ground, the one of fewest hops; ties go by the order of `nodes` and `lasers`.

    A link that fades is gone round. A node that has no other way keeps its path over it, at rate 0: what it sends
    waits, and its connection stands.

    Args:
        nodes: all satellites.
        gateways: those that have a station now.
        lasers: locked pairs with what lies between them.
    """
    found: dict[str, SpacePath | None] = dict.fromkeys(nodes)
    for node in nodes:
        gateway = gateways.get(node)
        if gateway is not None:
            found[node] = SpacePath(gateway.delay_s + GROUND_HAUL_S, gateway.rate_bps, (), gateway.station)
    _spread(found, [laser for laser in lasers if laser[2].rate_bps > 0.0])
    if any(laser.rate_bps == 0.0 for _, _, laser in lasers):
        _spread(found, lasers)
    return found


def _spread(found: dict[str, SpacePath | None], lasers: Sequence[tuple[str, str, LaserPath]]) -> None:
    """Give the nodes without a path one over lasers, from those that have one."""
    beside: dict[str, list[tuple[str, LaserPath]]] = {node: [] for node in found}
    for a, b, laser in lasers:
        beside[a].append((b, laser))
        beside[b].append((a, laser))
    waiting = deque(sorted((node for node, path in found.items() if path), key=lambda node: _hops(found[node])))
    while waiting:
        node = waiting.popleft()
        path = found[node]
        assert path is not None
        for other, laser in beside[node]:
            if found[other] is None:
                total_s = path.delay_s + laser.delay_s + HOP_S
                rate_bps = min(path.rate_bps, laser.rate_bps)
                found[other] = SpacePath(total_s, rate_bps, (node, *path.hops), path.station)
                waiting.append(other)


def _hops(path: SpacePath | None) -> int:
    return 0 if path is None else len(path.hops)
