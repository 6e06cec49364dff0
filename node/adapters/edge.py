"""What every edge of the node is given: where messages go, where bytes are recorded, where events are reported."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from icd.events import FieldValue
from node.kernel.bus import BusMessage


class ReportEvent(Protocol):
    """Reports an operator event of icd/dictionary.py."""

    def __call__(self, event_id: str, **fields: FieldValue) -> None:
        """Report it with its fields."""
        ...


@dataclass(frozen=True, slots=True)
class Edge:
    """The node as an edge sees it. `source` names the edge in the record: space, avionics, isl."""

    post: Callable[[BusMessage], bool]  # False: the pipe is full, the message is not taken
    record_input: Callable[[str, str, bytes], None]  # source, topic, payload: before anything looks at it
    record_output: Callable[[str, str, int], None]  # source, topic, size: after the link took it
    report: ReportEvent
