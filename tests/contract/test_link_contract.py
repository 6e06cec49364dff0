"""What every link does, whatever broker is behind it: in memory, nats-server, Mosquitto."""

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest

from runtime.link import PAYLOAD_BYTES_MAX
from runtime.mqtt_link import BrokerSettings, MqttLink
from runtime.outgoing import Outgoing
from tests.brokers import RunningBroker, running_broker
from tests.contract.link_benches import USERS, Bench, MemoryBench, RealBench, connected, end, until

KINDS = [
    "memory",
    pytest.param("nats", marks=pytest.mark.slow),
    pytest.param("mosquitto", marks=[pytest.mark.slow, pytest.mark.mosquitto]),
]
REAL = KINDS[1:]


@pytest.fixture(scope="module")
def broker(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningBroker | None]:
    """The process behind the bench, one for the whole module; None for the one in memory."""
    if request.param == "memory":
        yield None
        return
    with running_broker(request.param, Path(tmp_path_factory.mktemp(request.param)), USERS) as running:
        yield running


@pytest.fixture
def bench(broker: RunningBroker | None) -> Bench:
    """A broker to talk through."""
    return MemoryBench() if broker is None else RealBench(broker)


@pytest.fixture
def topic(request: pytest.FixtureRequest) -> str:
    """A topic of this test's own, so that what one test leaves retained reaches no other."""
    return f"t/{request.function.__name__}"


every = pytest.mark.parametrize("broker", KINDS, indirect=True)
every_real = pytest.mark.parametrize("broker", REAL, indirect=True)


@every
def test_messages_reach_exactly_the_matching_subscriptions(bench: Bench, topic: str) -> None:
    async def story() -> None:
        plus = await bench.client("plus", [f"{topic}/+/hk"])
        hash_ = await bench.client("hash", [f"{topic}/n1/#"])
        exact = await bench.client("exact", [f"{topic}/n2/hk", f"{topic}/end"])
        sender = await bench.client("sender")
        await connected(plus, hash_, exact, sender)

        for part, qos in (("n1/hk", 0), ("n2/hk", 1), ("n1/a/b", 1), ("n3", 1), ("n1", 1)):
            assert sender.link.publish(f"{topic}/{part}", part.encode(), qos=qos)
        await until(lambda: (len(plus.got), len(hash_.got), len(exact.got)) == (2, 3, 1), "each its own")
        assert sender.link.publish(f"{topic}/end", b"end", qos=1)
        await until(lambda: len(exact.got) == 2, "the last")

        assert sorted(payload for _, payload in plus.got) == [b"n1/hk", b"n2/hk"]
        assert sorted(payload for _, payload in hash_.got) == [b"n1", b"n1/a/b", b"n1/hk"]
        assert exact.got == [(f"{topic}/n2/hk", b"n2/hk"), (f"{topic}/end", b"end")]
        assert sender.got == []
        assert sender.link.counters.sent == 6
        assert exact.link.counters.received == 2

    bench.run(story)


@every
def test_a_retained_message_reaches_who_comes_later_until_it_is_cleared(bench: Bench, topic: str) -> None:
    async def story() -> None:
        sender, witness = await bench.client("sender"), await bench.client("witness", [f"{topic}/#"])
        await connected(sender, witness)
        sender.link.publish(f"{topic}/time", b"old", qos=1, retain=True)
        sender.link.publish(f"{topic}/time", b"new", qos=1, retain=True)
        await until(lambda: len(witness.got) == 2, "both seen")

        late = await bench.client("late", [f"{topic}/time"])
        await until(lambda: late.got == [(f"{topic}/time", b"new")], "the newest retained")

        sender.link.publish(f"{topic}/time", b"", qos=1, retain=True)
        await until(lambda: len(late.got) == 2, "the clearing is heard")
        later = await bench.client("later", [f"{topic}/#"])
        await connected(later)
        sender.link.publish(f"{topic}/end", b"end", qos=1)
        await until(lambda: later.got != [], "the last")
        assert later.got == [(f"{topic}/end", b"end")]

    bench.run(story)


@every
@pytest.mark.parametrize("qos", [0, 1])
def test_messages_of_one_topic_arrive_in_order(bench: Bench, topic: str, qos: int) -> None:
    async def story() -> None:
        receiver, sender = await bench.client("receiver", [topic]), await bench.client("sender")
        await connected(receiver, sender)

        for number in range(400):
            assert sender.link.publish(topic, b"%d" % number, qos=qos)
        await until(lambda: len(receiver.got) >= 400, "all there")

        assert [payload for _, payload in receiver.got] == [b"%d" % number for number in range(400)]

    bench.run(story)


@every
def test_a_large_payload_passes_and_a_too_large_one_is_refused(bench: Bench, topic: str) -> None:
    async def story() -> None:
        receiver, sender = await bench.client("receiver", [topic]), await bench.client("sender")
        await connected(receiver, sender)
        chunks = [bytes([number]) * size for number, size in ((1, 300_000), (2, PAYLOAD_BYTES_MAX))]

        assert not sender.link.publish(topic, bytes(PAYLOAD_BYTES_MAX + 1), qos=1)
        for chunk in chunks:
            assert sender.link.publish(topic, chunk, qos=1)
        await until(lambda: len(receiver.got) == 2, "both there")

        assert [payload for _, payload in receiver.got] == chunks
        assert sender.link.counters.refused == 1

    bench.run(story)


@every
def test_nothing_is_delivered_inside_publish(bench: Bench, topic: str) -> None:
    async def story() -> None:
        own = await bench.client("own", [topic])
        await connected(own)

        own.link.publish(topic, b"to myself")

        assert own.got == []
        await until(lambda: own.got == [(topic, b"to myself")], "later")

    bench.run(story)


@every
def test_a_topic_with_a_wildcard_is_an_error_of_ours(bench: Bench) -> None:
    async def story() -> None:
        client = await bench.client("client")
        for text in ("", "a/+", "a/#"):
            with pytest.raises(ValueError, match="no topic"):
                client.link.publish(text, b"")
        with pytest.raises(ValueError, match="no topic filter"):
            await bench.client("other", ["a/#/b"])

    bench.run(story)


@every
def test_a_cut_path_is_told_refuses_and_heals_without_ghosts(bench: Bench, topic: str) -> None:
    async def story() -> None:
        receiver, sender = await bench.client("receiver", [topic]), await bench.client("sender")
        assert not sender.link.publish(topic, b"too early", qos=1)
        await connected(receiver, sender)

        bench.cut("sender")
        await until(lambda: sender.states == [True, False], "told that it is down")
        assert not sender.link.connected
        assert not sender.link.publish(topic, b"while down", qos=1)
        bench.mend("sender")
        await until(lambda: sender.states == [True, False, True], "told that it is up")
        assert sender.link.publish(topic, b"after", qos=1)
        await until(lambda: receiver.got != [], "one arrives")

        assert receiver.got == [(topic, b"after")]
        assert receiver.states == [True]
        assert (sender.link.counters.connects, sender.link.counters.refused) == (2, 2)

    bench.run(story)


@every
def test_a_receiver_that_was_away_gets_nothing_stale(bench: Bench, topic: str) -> None:
    async def story() -> None:
        receiver, sender = await bench.client("receiver", [topic]), await bench.client("sender")
        witness = await bench.client("witness", [topic])
        await connected(receiver, sender, witness)

        bench.cut("receiver")
        await until(lambda: receiver.states == [True, False], "down")
        sender.link.publish(topic, b"stale", qos=1)
        await until(lambda: witness.got == [(topic, b"stale")], "the witness hears")
        bench.mend("receiver")
        await until(lambda: receiver.states == [True, False, True], "up")
        sender.link.publish(topic, b"fresh", qos=1)
        await until(lambda: receiver.got != [], "one arrives")

        assert receiver.got == [(topic, b"fresh")]

    bench.run(story)


@every
def test_the_will_is_said_for_a_broken_connection_and_not_for_a_clean_end(bench: Bench, topic: str) -> None:
    async def story() -> None:
        witness = await bench.client("witness", [f"{topic}/#"])
        clean = await bench.client("clean", will=Outgoing(f"{topic}/clean", b"gone", 1))
        broken = await bench.client("broken", will=Outgoing(f"{topic}/broken", b"gone", 1))
        await connected(witness, clean, broken)

        await end(clean)
        bench.cut("broken")
        await until(lambda: witness.got != [], "a will")

        assert witness.got == [(f"{topic}/broken", b"gone")]
        assert clean.states == [True]
        assert not clean.link.connected

    bench.run(story)


@every
def test_a_second_client_of_one_name_takes_the_place_of_the_first(bench: Bench, topic: str) -> None:
    async def story() -> None:
        sender, first = await bench.client("sender"), await bench.client("same", [topic])
        await connected(sender, first)

        second = await bench.client("same", [topic])
        await until(lambda: first.states == [True, False] and second.states == [True], "taken over")
        await end(first)
        sender.link.publish(topic, b"for the second", qos=1)
        await until(lambda: second.got != [], "heard")

        assert first.got == []

    bench.run(story)


@every
def test_a_cancelled_run_can_be_cancelled_at_any_step(bench: Bench, topic: str) -> None:
    async def story() -> None:
        for steps in (0, 1, 2, 3, 5, 8):
            client = await bench.client(f"early{steps}", [topic])
            for _ in range(steps):
                await asyncio.sleep(0.001)
            await end(client)
            assert not client.link.connected

    bench.run(story)


@every_real
def test_a_restarted_broker_is_found_again(bench: RealBench, topic: str) -> None:
    async def story() -> None:
        receiver, sender = await bench.client("receiver", [topic]), await bench.client("sender")
        await connected(receiver, sender)

        bench.broker.stop()
        await until(lambda: receiver.states == [True, False] == sender.states, "both down")
        bench.broker.start()
        await connected(receiver, sender)
        sender.link.publish(topic, b"again", qos=1)
        await until(lambda: receiver.got != [], "heard")

        assert receiver.got == [(topic, b"again")]

    bench.run(story)


@every_real
def test_a_user_publishes_and_hears_only_its_own_topics(bench: RealBench) -> None:
    async def story() -> None:
        ground = await bench.client("ground", ["dl/#"])
        ear = await bench.client("ear", ["dl/+/hk"], user="ear")
        node = await bench.client("n1", ["ul/n1/+"], user="n1")
        nosy = await bench.client("nosy", ["ul/n2/tc"], user="n1")
        await connected(ground, ear, node)
        await until(lambda: nosy.states == [True] or bench.broker.kind == "nats", "Mosquitto takes any subscription")

        assert node.link.publish("dl/n2/hk", b"forged", qos=1)
        assert node.link.publish("ul/n1/tc", b"forged", qos=1)
        assert ear.link.publish("dl/n1/hk", b"forged", qos=1)
        assert ground.link.publish("ul/n2/tc", b"for another", qos=1)
        assert node.link.publish("dl/n1/hk", b"mine", qos=1)
        assert ground.link.publish("ul/n1/tc", b"for n1", qos=1)
        await until(lambda: ground.got != [] and node.got != [] and ear.got != [], "the allowed ones")

        assert ground.got == [("dl/n1/hk", b"mine")] == ear.got
        assert node.got == [("ul/n1/tc", b"for n1")]
        assert nosy.got == []

    bench.run(story)


@pytest.mark.parametrize("broker", REAL[:1], indirect=True)
def test_a_refused_subscription_is_named_and_the_link_stays_down(
    bench: RealBench, caplog: pytest.LogCaptureFixture
) -> None:
    async def story() -> None:
        nosy = await bench.client("nosy", ["ul/n1/+", "ul/n2/tc"], user="n1")
        await until(lambda: "may not subscribe to ul/n2/tc" in caplog.text, "said so")
        assert nosy.states == []

    bench.run(story)


@every_real
def test_a_wrong_password_is_named_and_never_connects(bench: RealBench, caplog: pytest.LogCaptureFixture) -> None:
    async def story() -> None:
        settings = BrokerSettings("127.0.0.1", bench.broker.port, "n1", "guess")
        states: list[bool] = []
        task = asyncio.create_task(MqttLink(settings, "burglar", ["ul/n1/tc"]).run(lambda *_: None, states.append))
        await until(lambda: "link burglar as n1" in caplog.text, "said so")
        task.cancel()
        assert states == []

    bench.run(story)
