"""What the node wants of its hardware: the orders that would bring any hardware to that state."""

from icd.hw import (
    ComputeAllocate,
    ComputePower,
    ComputeRelease,
    ComputeReleaseAll,
    ComputeSetCap,
    DeviceOrder,
    EpsSetProfile,
    TerminalPoint,
    TerminalStop,
)

Keyed = tuple[str, DeviceOrder]  # request id (empty: any), order


class Wanted:
    """Remembers the last order of each kind. Orders are idempotent, so all of them may be sent again."""

    def __init__(self) -> None:
        self._profile: EpsSetProfile | None = None
        self._power: ComputePower | None = None
        self._cap: ComputeSetCap | None = None
        self._cleared = False  # release_all was said: what is allocated is ours to say
        self._allocations: dict[str, ComputeAllocate] = {}
        self._terminals: dict[int, Keyed] = {}

    def note(self, request_id: str, order: DeviceOrder) -> None:
        """Take an order into what is wanted; those that are of the moment (watchdog, resets) change nothing."""
        match order:
            case EpsSetProfile():
                self._profile = order
            case ComputePower():
                self._power = order
            case ComputeSetCap():
                self._cap = order
            case ComputeAllocate():
                self._allocations[order.job_id] = order
            case ComputeRelease():
                self._allocations.pop(order.job_id, None)
            case ComputeReleaseAll():
                self._cleared = True
                self._allocations.clear()
            case TerminalPoint() | TerminalStop():
                self._terminals[order.terminal] = (request_id, order)
            case _:
                pass

    def orders(self) -> list[Keyed]:
        """Return everything wanted, as orders: a cap before the loads that it caps."""
        orders: list[Keyed] = [("", order) for order in (self._profile, self._power, self._cap) if order is not None]
        if self._cleared:
            orders.append(("", ComputeReleaseAll()))
        orders += [("", order) for order in self._allocations.values()]
        return orders + [self._terminals[terminal] for terminal in sorted(self._terminals)]
