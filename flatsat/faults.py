"""`dawnline fault`: orders a fault of the running simulator over the broker, and reads back what is in force."""

import asyncio
import json
from dataclasses import dataclass
from pathlib import Path

from flatsat.configs import LOOPBACK
from flatsat.keys import KeyRing
from icd import codec, topics
from icd.hw import ActiveFaults, FaultOrder
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
        ports = json.loads((run / "access.json").read_text())["ports"]
    except (OSError, ValueError, KeyError, TypeError):
        raise FaultError(f"no run in {run}: start one with `dawnline up`, or name it with --run") from None
    return RunAccess(KeyRing(run / "keys"), int(ports["broker"]))


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
    password = to.keys.broker_password("bench").read_text().strip()
    # A name of its own: the bench of the running `up` holds the client id "bench".
    link = MqttLink(BrokerSettings(LOOPBACK, to.broker_port, "bench", password), "bench-cli", (topics.SIM_FAULTS,))
    answers: asyncio.Queue[ActiveFaults] = asyncio.Queue()

    unread: list[str] = []

    def on_message(topic: str, payload: bytes) -> None:
        try:
            answers.put_nowait(codec.decode(payload, ActiveFaults))
        except codec.DecodeError as error:
            unread[:] = [str(error)]  # what else may be retained there; the simulator's next word replaces it

    def on_state(up: bool) -> None:
        if up and order is not None:
            link.publish(topics.SIM_FAULT, codec.encode(order), qos=1)

    running = asyncio.create_task(link.run(on_message, on_state))
    try:
        async with asyncio.timeout(ANSWER_WALL_S):
            while True:
                answer = await answers.get()
                if order is None or _answers(answer, order):
                    return answer
    except TimeoutError:
        heard = f" (what stands on {topics.SIM_FAULTS} cannot be read: {unread[0]})" if unread else ""
        raise FaultError(
            f"the simulator did not answer in {ANSWER_WALL_S:.0f} s{heard}; is `dawnline up` running?"
        ) from None
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)


def _answers(answer: ActiveFaults, order: FaultOrder) -> bool:
    refused = answer.refused is not None and order.fault_id in answer.refused
    return refused or any(row.fault_id == order.fault_id for row in answer.active)
