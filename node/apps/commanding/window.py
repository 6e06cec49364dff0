"""The anti-replay window of a key: each sequence number counts once, within the 64 newest (after RFC 4303, 3.4.3)."""

from node.ports.store import ReplayWindow

WINDOW_WIDTH = 64
_MASK = (1 << WINDOW_WIDTH) - 1


def is_fresh(window: ReplayWindow, sequence: int) -> bool:
    """Return whether the number was never used; one that has left the window counts as used."""
    if sequence < 1:
        return False
    behind = window.highest - sequence
    if behind < 0:
        return True
    return behind < WINDOW_WIDTH and not window.mask >> behind & 1


def spend(window: ReplayWindow, sequence: int) -> ReplayWindow:
    """Return the window in which a fresh number is used."""
    ahead = sequence - window.highest
    if ahead > 0:
        kept = window.mask << ahead & _MASK if ahead < WINDOW_WIDTH else 0
        return ReplayWindow(sequence, kept | 1)
    return ReplayWindow(window.highest, window.mask | 1 << -ahead)
