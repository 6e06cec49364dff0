"""`dawnline fault` over a real broker, with a simulator's side that a test speaks for."""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path

import pytest

from flatsat import faults
from flatsat.faults import FaultError, RunAccess
from flatsat.keys import KeyRing, make_keys
from icd import codec, topics
from icd.faults import ActiveFaults, FaultInForce, FaultKind, FaultOrder
from runtime.embedded_broker import BrokerUser
from runtime.mqtt_link import MqttLink
from tests.brokers import RunningBroker, running_broker

pytestmark = pytest.mark.slow
NONE = ActiveFaults(at=0, active=(), waiting=(), latest="", refused=None)
ORDER = FaultOrder(
    fault_id="dark",
    kind=FaultKind.ARRAY_STRING_DEAD,
    node="node-1",
    magnitude=0.5,
    duration_s=60.0,
)
IN_FORCE = FaultInForce(order=ORDER, since=1, until=60_000_000_001, strikes=1)
Answer = Callable[[FaultOrder], bytes | None]


@pytest.fixture(scope="module")
def keys(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_keys(tmp_path_factory.mktemp("run") / "keys", ("node-1",)).directory


@pytest.fixture
def broker(tmp_path: Path, keys: Path) -> Iterator[RunningBroker]:
    def user(name: str, publish: tuple[str, ...], subscribe: tuple[str, ...]) -> BrokerUser:
        return BrokerUser(name, (keys / "broker" / name).read_text().strip(), publish, subscribe)

    users = (user("hwsim", ("sim/faults",), ("sim/fault",)), user("bench", ("sim/fault",), ("sim/faults",)))
    with running_broker("nats", tmp_path / "broker", users) as running:
        yield running


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(faults, "ANSWER_WALL_S", 2.0)


def access(broker: RunningBroker, keys: Path) -> RunAccess:
    return RunAccess(KeyRing(keys), broker.port)


@contextlib.asynccontextmanager
async def simulator(broker: RunningBroker, retained: bytes, answer: Answer) -> AsyncIterator[list[FaultOrder]]:
    """Speak for the simulator: retain a word, answer each order, and keep what was ordered."""
    link = MqttLink(broker.settings("hwsim"), "hwsim", ("sim/fault",))
    orders: list[FaultOrder] = []
    up = asyncio.Event()

    def on_state(state: bool) -> None:
        link.publish(topics.SIM_FAULTS, retained, qos=1, retain=True)
        up.set()

    def on_message(topic: str, payload: bytes) -> None:
        orders.append(codec.decode(payload, FaultOrder))
        said = answer(orders[-1])
        if said is not None:
            link.publish(topics.SIM_FAULTS, said, qos=1, retain=True)

    task = asyncio.create_task(link.run(on_message, on_state))
    await asyncio.wait_for(up.wait(), 5.0)
    try:
        yield orders
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


def takes(order: FaultOrder) -> bytes:
    row = FaultInForce(order=order, since=1, until=60_000_000_001, strikes=1)
    return codec.encode(ActiveFaults(at=1, active=(row,), waiting=(), latest=order.fault_id, refused=None))


def refuses(order: FaultOrder) -> bytes:
    text = f"fault {order.fault_id}: no node 'node-1'"
    return codec.encode(ActiveFaults(at=1, active=(), waiting=(), latest=order.fault_id, refused=text))


def says_nothing_new(order: FaultOrder) -> bytes:
    return codec.encode(NONE)


async def test_the_faults_in_force_are_read(broker: RunningBroker, keys: Path) -> None:
    async with simulator(broker, takes(ORDER), takes) as orders:
        answer = await faults.active(access(broker, keys))

    assert answer.active == (IN_FORCE,)
    assert orders == []


async def test_an_order_that_is_taken_is_ordered_once_and_answered(broker: RunningBroker, keys: Path) -> None:
    async with simulator(broker, codec.encode(NONE), takes) as orders:
        answer = await faults.inject(access(broker, keys), ORDER)

    assert answer.active == (IN_FORCE,)
    assert orders == [ORDER]


async def test_a_refusal_is_the_simulators_own_line(broker: RunningBroker, keys: Path) -> None:
    async with simulator(broker, codec.encode(NONE), refuses):
        with pytest.raises(FaultError, match=r"^fault dark: no node 'node-1'$"):
            await faults.inject(access(broker, keys), ORDER)


async def test_an_earlier_refusal_of_the_same_id_is_no_answer(broker: RunningBroker, keys: Path) -> None:
    async with simulator(broker, refuses(ORDER), takes):
        answer = await faults.inject(access(broker, keys), ORDER)

    assert answer.active == (IN_FORCE,)


@pytest.mark.parametrize("garbage", [b"\xc1", b"not msgpack at all", b"\x93\x01\xa6faults\x80", b"x" * 100_000])
async def test_garbage_that_is_retained_does_not_keep_an_order_from_its_answer(
    broker: RunningBroker, keys: Path, garbage: bytes
) -> None:
    async with simulator(broker, garbage, takes):
        answer = await faults.inject(access(broker, keys), ORDER)

    assert answer.active == (IN_FORCE,)


async def test_garbage_and_no_other_word_is_one_line(
    broker: RunningBroker, keys: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(faults, "ANSWER_WALL_S", 0.3)

    async with simulator(broker, b"\xc1", takes):
        with pytest.raises(FaultError, match=r"^what stands on sim/faults is no word of the simulator \(not msgpack"):
            await faults.active(access(broker, keys))


async def test_an_id_that_was_used_before_is_told_to_be_named_otherwise(
    broker: RunningBroker, keys: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(faults, "ANSWER_WALL_S", 0.3)

    async with simulator(broker, codec.encode(NONE), says_nothing_new):
        with pytest.raises(FaultError, match=r"had a fault 'dark' before and takes an id once: name another$"):
            await faults.inject(access(broker, keys), ORDER)


async def test_where_nothing_flies_the_line_asks_for_a_run(keys: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(faults, "ANSWER_WALL_S", 0.2)

    with pytest.raises(FaultError, match="is `dawnline up` running"):
        await faults.active(RunAccess(KeyRing(keys), 1))


@pytest.mark.parametrize("content", [None, "", "[]", "{}", '{"ports": 7}', '{"ports": {"broker": "x"}}', "not json"])
def test_a_run_that_is_none_is_one_line(tmp_path: Path, content: str | None) -> None:
    if content is not None:
        (tmp_path / "access.json").write_text(content)

    with pytest.raises(FaultError, match=r"^no run in .*: start one with `dawnline up`, or name it with --run$"):
        faults.access(tmp_path)


def test_a_run_tells_where_its_broker_is(tmp_path: Path) -> None:
    (tmp_path / "access.json").write_text(json.dumps({"url": "http://127.0.0.1:1", "ports": {"broker": 1883}}))

    assert faults.access(tmp_path).broker_port == 1883
