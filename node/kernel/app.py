"""What an app is: handlers of messages and timers, nothing that waits."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar, Protocol, TypeVar

from icd.timebase import MissionTime
from node.kernel.bus import BusMessage

F = TypeVar("F", bound=Callable[..., None])


def handles(kind: type[BusMessage]) -> Callable[[F], F]:
    """Mark a method as the handler of one message type."""

    def mark(method: F) -> F:
        method.__dict__.setdefault("_handles", []).append(kind)
        return method

    return mark


def on_timer(name: str) -> Callable[[F], F]:
    """Mark a method, which takes no argument, as what the app's timer of this name calls."""

    def mark(method: F) -> F:
        method.__dict__["_timer"] = name
        return method

    return mark


@dataclass(frozen=True, slots=True)
class TimerFired(BusMessage):
    """A named timer of one app has run out."""

    app: str
    name: str


class Kernel(Protocol):
    """What the kernel gives an app. One instance per app, so that every call knows its caller."""

    @property
    def now(self) -> MissionTime:
        """Mission time, frozen while one message is handled."""
        ...

    def publish(self, message: BusMessage) -> bool:
        """Enqueue a message on the bus; False when a pipe refused it."""
        ...

    def set_timer(self, name: str, delay_s: float) -> None:
        """Fire the app's named timer after a mission duration; a timer of that name that still runs is replaced."""
        ...

    def set_wall_timer(self, name: str, delay_s: float) -> None:
        """Fire the app's named timer after a wall duration, for what waits on hosts and not on orbits."""
        ...

    def cancel_timer(self, name: str) -> None:
        """Stop the app's named timer, if it runs."""
        ...

    def report(self, event_id: str, **fields: str | int | float | bool | None) -> None:
        """Report an operator event; its severity and text are in icd/dictionary.py."""
        ...


class App:
    """The base of all apps: a name, recovery, handlers found by their marks."""

    name: ClassVar[str] = ""
    critical: ClassVar[bool] = True

    def __init__(self, kernel: Kernel) -> None:
        self.kernel = kernel

    def recover(self) -> None:
        """Rebuild what the app holds in memory from the store. Runs before the first message and after a failure."""

    def start(self) -> None:
        """Begin: set timers, publish first messages. Runs after every app has recovered."""

    def stop(self) -> None:
        """End in order: what must be told to the hardware or the jobs is told here."""

    def handlers(self) -> list[tuple[type[BusMessage], Callable[[Any], None]]]:
        """Return the marked message handlers in order of definition."""
        found = []
        for method in self._methods():
            found += [(kind, method) for kind in getattr(method, "_handles", ())]
        return found

    def timers(self) -> dict[str, Callable[[], None]]:
        """Return the marked timer handlers by name."""
        return {method._timer: method for method in self._methods() if hasattr(method, "_timer")}

    def _methods(self) -> list[Any]:
        names = [name for cls in reversed(type(self).__mro__) for name in vars(cls)]
        marked = [getattr(self, name) for name in dict.fromkeys(names) if callable(getattr(type(self), name, None))]
        return [method for method in marked if hasattr(method, "_handles") or hasattr(method, "_timer")]
