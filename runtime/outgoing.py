"""What waits to leave a link, and who gives way when too much waits."""

from collections import deque
from typing import NamedTuple

from runtime.link import QUEUE_OUT_MAX


class Outgoing(NamedTuple):
    """One message on its way. As a last will: what the broker says when the connection breaks."""

    topic: str
    payload: bytes
    qos: int = 0
    retain: bool = False


def make_room(queue: deque[Outgoing], newcomer_qos: int, busy: int = 0) -> bool:
    """Make sure that one more message fits, by dropping the oldest of QoS 0 for another of QoS 0.

    Args:
        queue: what waits, oldest first.
        newcomer_qos: the quality of the message that wants in.
        busy: how many at the head are already being sent and stay.

    Returns:
        False when there is no room: QoS 1 never displaces anything, its sender must keep it.
    """
    if len(queue) < QUEUE_OUT_MAX:
        return True
    if newcomer_qos > 0:
        return False
    for index in range(busy, len(queue)):
        if queue[index].qos == 0:
            del queue[index]
            return True
    return False
