"""Counts handoffs: which neighbour followed which, and how long none stood in between."""

from dataclasses import dataclass

from icd.timebase import MissionTime, seconds_between


@dataclass(frozen=True, slots=True)
class Handoff:
    """One neighbour followed another. The gap is 0 when the new link stood before the old one ended."""

    source: str
    target: str
    gap_s: float


class Tally:
    """Pairs links that end with links that come up."""

    def __init__(self, places_max: int) -> None:
        self.count = 0
        self._places_max = places_max
        self._heirs: dict[str, str] = {}  # a neighbour about to be left, and the one that has come up for it
        self._vacant: list[tuple[str, MissionTime]] = []

    def up(self, peer: str, leaving: tuple[str, ...], now: MissionTime) -> Handoff | None:
        """Note a link that has come up; return the handoff that it completes.

        Args:
            peer: the new neighbour.
            leaving: neighbours whose links still stand but are near their planned end.
            now: mission time.
        """
        if any(lost == peer for lost, _ in self._vacant):  # the same neighbour came back
            self._vacant = [(lost, since) for lost, since in self._vacant if lost != peer]
            return None
        if self._vacant:
            source, since = self._vacant.pop(0)
            return self._counted(Handoff(source, peer, seconds_between(since, now)))
        for source in leaving:
            if source != peer and source not in self._heirs:
                self._heirs[source] = peer
                break
        return None

    def down(self, peer: str, now: MissionTime) -> Handoff | None:
        """Note a link that has ended; return the handoff that this completes."""
        heir = self._heirs.pop(peer, None)
        self._heirs = {source: target for source, target in self._heirs.items() if target != peer}
        if heir is not None:
            return self._counted(Handoff(peer, heir, 0.0))
        self._vacant.append((peer, now))
        if len(self._vacant) > self._places_max:
            del self._vacant[0]
        return None

    def _counted(self, handoff: Handoff) -> Handoff:
        self.count += 1
        return handoff
