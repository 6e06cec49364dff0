"""`dawnline fault`: orders a fault of the running simulator over the broker, and reads back what is in force."""

import asyncio
import json
from dataclasses import dataclass
from pathlib import Path

from flatsat.configs import LOOPBACK
from flatsat.keys import KeyRing
from icd import codec, topics
from icd.faults import ActiveFaults, FaultOrder
from runtime.link import Link
from runtime.mqtt_link import BrokerSettings, MqttLink

ANSWER_WALL_S = 5.0


class FaultError(RuntimeError):
    """A fault that could not be ordered; one line with what to do."""


@dataclass(frozen=True, slots=True)
class RunAccess:
    """The broker of a running `dawnline up`."""

    keys: KeyRing
    broker_port: int


def access(run: Path) -> RunAccess:
    """Return how to reach the broker of a run.

    Raises:
        FaultError: there is no such run.
    """
    try:
        broker_port = int(json.loads((run / "access.json").read_text())["ports"]["broker"])
    except (OSError, ValueError, KeyError, TypeError):
        raise FaultError(f"no run in {run}: start one with `dawnline up`, or name it with --run") from None
    return RunAccess(KeyRing(run / "keys"), broker_port)


async def active(to: RunAccess) -> ActiveFaults:
    """Return the faults now in force.

    Raises:
        FaultError: the simulator does not answer.
    """
    return await _exchange(to, None)


async def inject(to: RunAccess, order: FaultOrder) -> ActiveFaults:
    """Order a fault and return the simulator's answer.

    Raises:
        FaultError: the simulator does not answer, or refuses the order.
    """
    answer = await _exchange(to, order)
    if answer.refused is not None:
        raise FaultError(answer.refused)
    return answer


async def _exchange(to: RunAccess, order: FaultOrder | None) -> ActiveFaults:
    try:
        password = to.keys.broker_password("bench").read_text().strip()
    except OSError as error:
        raise FaultError(f"cannot read the run's keys: {error.strerror}") from error
    # A name of its own: the bench of the running `up` holds the client id "bench".
    link = MqttLink(BrokerSettings(LOOPBACK, to.broker_port, "bench", password), "bench-cli", (topics.SIM_FAULTS,))
    listener = _Listener(link, order)
    running = asyncio.create_task(link.run(listener.on_message, lambda up: None))
    try:
        async with asyncio.timeout(ANSWER_WALL_S):
            return await listener.answer
    except TimeoutError:
        raise FaultError(listener.silence()) from None
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)


class _Listener:
    """Reads what the simulator says of its faults, orders one, and knows which word answers the order."""

    def __init__(self, link: Link, order: FaultOrder | None) -> None:
        self.answer: asyncio.Future[ActiveFaults] = asyncio.get_running_loop().create_future()
        self._link = link
        self._order = order
        self._ordered = False
        self._heard: ActiveFaults | None = None  # the first word
        self._unread = ""

    def on_message(self, topic: str, payload: bytes) -> None:
        try:
            said = codec.decode(payload, ActiveFaults)
        except codec.DecodeError as error:
            self._unread = str(error)  # the simulator's next word replaces what is retained there
        else:
            if not self.answer.done() and self._answers(said):
                self.answer.set_result(said)
            self._heard = self._heard or said
        # The first word is what was retained: it may tell of an earlier refusal, so the order goes out after it.
        if self._order is not None and not self._ordered:
            self._ordered = self._link.publish(topics.SIM_FAULT, codec.encode(self._order), qos=1)

    def silence(self) -> str:
        """Return why there is no answer, and what to do."""
        if self._ordered and self._heard and self._order is not None:
            return f"the simulator had a fault {self._order.fault_id!r} before and takes an id once: name another"
        if self._unread:
            return f"what stands on {topics.SIM_FAULTS} is no word of the simulator ({self._unread}): start it again"
        return f"the simulator did not answer in {ANSWER_WALL_S:.0f} s; is `dawnline up` running?"

    def _answers(self, said: ActiveFaults) -> bool:
        if self._order is None:
            return True
        # What was retained may come twice: only a word that differs from it can be the answer.
        return self._ordered and said != self._heard and said.latest == self._order.fault_id
