"""Transition tables and the machine that obeys them. A table is the one truth about its states."""

from collections.abc import Callable, Iterable
from enum import StrEnum
from typing import Generic, TypeVar

from node.kernel.errors import IllegalTransitionError

S = TypeVar("S", bound=StrEnum)
T = TypeVar("T", bound=StrEnum)


class TransitionTable(Generic[S, T]):
    """Which trigger leads from which state to which. Every pair of state and trigger has at most one target."""

    def __init__(self, name: str, initial: S, edges: Iterable[tuple[S, T, S]]) -> None:
        self.name = name
        self.initial = initial
        self.edges: tuple[tuple[S, T, S], ...] = tuple(edges)
        self._targets: dict[tuple[S, T], S] = {}
        for source, trigger, target in self.edges:
            if (source, trigger) in self._targets:
                raise ValueError(f"{name}: {source} has two edges for {trigger}")
            self._targets[source, trigger] = target

    def target(self, state: S, trigger: T) -> S | None:
        """Return where the trigger leads from this state, or None when it is not legal here."""
        return self._targets.get((state, trigger))

    def moves(self) -> tuple[tuple[S, S], ...]:
        """Return the pairs (source, target) that some trigger allows, without doubles, in table order."""
        return tuple(dict.fromkeys((source, target) for source, _, target in self.edges))

    def as_mermaid(self) -> str:
        """Return the table as a Mermaid state diagram: what docs/diagrams holds."""
        lines = ["stateDiagram-v2", f"    [*] --> {self.initial}"]
        lines += [f"    {source} --> {target}: {trigger}" for source, trigger, target in self.edges]
        return "\n".join(lines) + "\n"


class Machine(Generic[S, T]):
    """A state that only `fire` moves."""

    def __init__(
        self, table: TransitionTable[S, T], on_change: Callable[[S, T, S], None], state: S | None = None
    ) -> None:
        self._table = table
        self._on_change = on_change
        self._state = table.initial if state is None else state

    @property
    def state(self) -> S:
        """The present state."""
        return self._state

    def can_fire(self, trigger: T) -> bool:
        """Return whether the trigger is legal now."""
        return self._table.target(self._state, trigger) is not None

    def fire(self, trigger: T) -> S:
        """Move along the trigger's edge, tell the owner, and return the new state.

        Raises:
            IllegalTransitionError: the table has no such edge from the present state.
        """
        target = self._table.target(self._state, trigger)
        if target is None:
            raise IllegalTransitionError(f"{self._table.name}: {trigger} is not legal in {self._state}")
        source, self._state = self._state, target
        self._on_change(source, trigger, target)
        return target
