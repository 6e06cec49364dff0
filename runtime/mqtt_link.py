"""A link over a real broker (MQTT 3.1.1, aiomqtt).

What the library demands, each point met in anger: a new client for each attempt; one pump that owns the incoming
messages and is never timed out; QoS 1 that is lost in mid-publish is noticed through the pump, not the publish;
clean sessions, so that no broker delivers what is stale; TCP_NODELAY, or a round trip takes 40 ms more.
"""

import asyncio
import contextlib
import logging
import socket
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

import aiomqtt
from aiomqtt.exceptions import MqttConnectError
from paho.mqtt.client import Client as PahoClient
from paho.mqtt.client import DisconnectFlags
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode

from runtime.link import PAYLOAD_BYTES_MAX, LinkCounters, OnMessage, OnState
from runtime.outgoing import Outgoing, make_room
from runtime.seeds import stream
from runtime.topic_filter import check_filter, check_topic

BACKOFF_WALL_S = (0.1, 1.0)  # between two attempts: from the first, doubling, to the second
ANSWER_WALL_S = 5.0  # for the broker to answer a connect, a subscription, a publish
CLOSE_WALL_S = 1.0  # for the broker to let go
KEEPALIVE_S = 10  # a silent connection is probed after this, in wall time
IN_FLIGHT_MAX = 16  # QoS 1 messages that wait for the broker's acknowledgement at once
SUBSCRIBE_QOS = 1
_NO_DELAY = (socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
_log = logging.getLogger(__name__)
# What the libraries say at each cut, several lines of it, we say once ourselves.
_library_log = logging.getLogger(f"{__name__}.library")
_library_log.setLevel(logging.CRITICAL)


@dataclass(frozen=True, slots=True)
class BrokerSettings:
    """Where the broker is, and as whom to speak to it."""

    host: str
    port: int
    username: str
    password: str


class MqttLink:
    """A client of a real broker."""

    def __init__(
        self,
        access: BrokerSettings,
        client_id: str,
        subscriptions: Sequence[str],
        will: Outgoing | None = None,
        keepalive_s: int = KEEPALIVE_S,
    ) -> None:
        self._access = access
        self._client_id = client_id
        self._filters = [(check_filter(text), SUBSCRIBE_QOS) for text in subscriptions]
        self._will = will
        self._keepalive_s = keepalive_s
        self._rng = stream(0, f"back-off of {client_id}")
        self._queue: deque[Outgoing] = deque()
        self._wake = asyncio.Event()
        self._connected = False
        self._complaint = ""
        self._sent = self._received = self._refused = self._connects = 0

    @property
    def connected(self) -> bool:
        """Whether the broker answers now."""
        return self._connected

    @property
    def counters(self) -> LinkCounters:
        """What the link has done since it was made."""
        return LinkCounters(self._sent, self._received, self._refused, self._connects)

    def publish(self, topic: str, payload: bytes, *, qos: int = 0, retain: bool = False) -> bool:
        """Queue a message and return at once; False when the link is down, its queue full or the payload too large."""
        check_topic(topic)
        if not self._connected or len(payload) > PAYLOAD_BYTES_MAX or not make_room(self._queue, qos):
            self._refused += 1
            return False
        self._queue.append(Outgoing(topic, payload, qos, retain))
        self._wake.set()
        self._sent += 1
        return True

    async def run(self, on_message: OnMessage, on_state: OnState) -> None:
        """Connect, subscribe, deliver; connect again for ever. Ends only by cancellation, and then disconnects."""
        backoff_s, backoff_max_s = BACKOFF_WALL_S
        delay_s = backoff_s
        while True:
            before = self._connects
            try:
                await self._connect_once(on_message, on_state)
            except aiomqtt.MqttError as error:
                self._complain(error)
            _heed_cancellation()
            delay_s = backoff_s if self._connects > before else min(backoff_max_s, 2 * delay_s)
            await asyncio.sleep(self._rng.uniform(backoff_s, delay_s))

    async def _connect_once(self, on_message: OnMessage, on_state: OnState) -> None:
        """Live through one connection, from connect to loss.

        Raises:
            aiomqtt.MqttError: the connection did not come about, or is lost.
        """
        client = self._new_client()
        await _enter(client)
        told = False
        try:
            _heed_cancellation()
            await self._subscribe(client)
            _heed_cancellation()
            self._connected = told = True
            self._connects += 1
            self._complaint = ""
            on_state(True)
            await self._pump_and_send(client, on_message)
        except aiomqtt.MqttError:
            self._down()
            if told:
                on_state(False)
            raise
        finally:
            self._down()
            await _leave(client)

    async def _pump_and_send(self, client: aiomqtt.Client, on_message: OnMessage) -> None:
        """Deliver and send until either fails; a callback's own error ends the link's run."""
        over: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        tasks = [
            asyncio.create_task(self._pump(client, on_message), name=f"{self._client_id} pump"),
            asyncio.create_task(self._send(client), name=f"{self._client_id} send"),
        ]

        def end(task: asyncio.Task[None]) -> None:
            if not over.done() and not task.cancelled():
                error = task.exception()
                over.set_exception(error or aiomqtt.MqttError("the connection ended"))

        for task in tasks:
            task.add_done_callback(end)
        try:
            await over
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def _pump(self, client: aiomqtt.Client, on_message: OnMessage) -> None:
        async for message in client.messages:
            _heed_cancellation()
            self._received += 1
            on_message(message.topic.value, bytes(message.payload))

    async def _send(self, client: aiomqtt.Client) -> None:
        """Send what is queued, in order, with several QoS 1 messages under way at once."""
        slots = asyncio.Semaphore(IN_FLIGHT_MAX)
        under_way: dict[asyncio.Task[None], None] = {}
        failed: asyncio.Future[None] = asyncio.get_running_loop().create_future()

        def landed(task: asyncio.Task[None]) -> None:
            under_way.pop(task, None)
            slots.release()
            if not task.cancelled() and task.exception() is not None and not failed.done():
                failed.set_result(None)
                self._wake.set()

        try:
            while True:
                _heed_cancellation()
                if failed.done():
                    raise aiomqtt.MqttError("the broker does not acknowledge")
                if not self._queue:
                    self._wake.clear()
                    await self._wake.wait()
                    continue
                if self._queue[0].qos == 0:
                    await _publish(client, self._queue.popleft())
                    continue
                await slots.acquire()
                task = asyncio.create_task(_publish(client, self._queue.popleft()))
                under_way[task] = None
                task.add_done_callback(landed)
                await asyncio.sleep(0)  # its first step hands the message to the socket, so order is kept
        finally:
            for task in list(under_way):
                task.cancel()

    async def _subscribe(self, client: aiomqtt.Client) -> None:
        if not self._filters:
            return
        codes = await client.subscribe(self._filters)
        for (topic_filter, _), code in zip(self._filters, codes, strict=True):
            if isinstance(code, ReasonCode) and code.is_failure:
                raise aiomqtt.MqttError(f"may not subscribe to {topic_filter}: check the permissions")

    def _new_client(self) -> "_Client":
        access, will = self._access, self._will
        client = _Client(
            access.host,
            access.port,
            username=access.username,
            password=access.password,
            identifier=self._client_id,
            clean_session=True,
            keepalive=self._keepalive_s,
            timeout=ANSWER_WALL_S,
            will=None if will is None else aiomqtt.Will(will.topic, will.payload, will.qos, will.retain),
            socket_options=[_NO_DELAY],
            logger=_library_log,
        )
        client.pending_calls_threshold = IN_FLIGHT_MAX
        return client

    def _down(self) -> None:
        self._connected = False
        self._queue.clear()

    def _complain(self, error: aiomqtt.MqttError) -> None:
        """Say one line a loss, and one more when the broker then answers with a refusal; not one for each attempt."""
        text = str(error)
        is_refusal = isinstance(error, MqttConnectError) and text != self._complaint
        if not self._complaint or is_refusal:
            self._complaint = text
            _log.warning("link %s as %s: %s", self._client_id, self._access.username, text)


def _heed_cancellation() -> None:
    """Raise a cancellation that was swallowed on the way.

    `asyncio.wait_for` of CPython 3.11, which the library uses, returns its result when that comes in the same turn as
    the cancellation (python/cpython#86296, mended in 3.12). This can go when 3.12 is the floor.
    """
    task = asyncio.current_task()
    if task is not None and task.cancelling():
        raise asyncio.CancelledError


class _Client(aiomqtt.Client):
    """The library's client, which gives up at once when the broker hangs up in mid-handshake.

    aiomqtt 2.5 waits for its time-out then: 5 s of wall time are 5 min of a mission at 60 times its rate. And when the
    broker hangs up just after its CONNACK, it forgets so, and never notices. The private names used here are why the
    version is held below 3.
    """

    async def __aenter__(self) -> Self:
        await super().__aenter__()
        if not self._client.is_connected():
            raise aiomqtt.MqttError("the broker hung up")
        return self

    def hang_up(self) -> None:
        """Break what is left of the connection; the library then takes its socket out of the loop by itself."""
        rest = self._client.socket()
        if isinstance(rest, socket.socket):
            with contextlib.suppress(OSError):
                rest.shutdown(socket.SHUT_RDWR)

    def _on_disconnect(
        self,
        client: PahoClient,
        userdata: object,
        flags: DisconnectFlags,
        reason_code: ReasonCode,
        properties: Properties | None = None,
    ) -> None:
        super()._on_disconnect(client, userdata, flags, reason_code, properties)
        if self._disconnected.done() and not self._disconnected.cancelled():
            self._disconnected.exception()  # looked at, so that asyncio does not report it once more
        hung_up = aiomqtt.MqttError("the broker hung up")
        if not self._connected.done():
            self._connected.set_exception(hung_up)
        for answer in self._pending_subscribes.values():
            if not answer.done():
                answer.set_exception(hung_up)


async def _publish(client: aiomqtt.Client, message: Outgoing) -> None:
    await client.publish(message.topic, message.payload, message.qos, message.retain)


async def _enter(client: _Client) -> None:
    """Connect, in a task of its own: the library connects in a thread, which no cancellation stops.

    When cancelled, the connection that the thread may yet make is closed again, so none is left behind.
    """
    attempt = asyncio.create_task(client.__aenter__())
    try:
        await asyncio.shield(attempt)
    except aiomqtt.MqttError:
        client.hang_up()  # an attempt given up may still be connected, and would fight with the next
        raise
    except asyncio.CancelledError:
        with contextlib.suppress(aiomqtt.MqttError, TimeoutError):
            async with asyncio.timeout(CLOSE_WALL_S):
                await asyncio.shield(attempt)
        await _leave(client)
        attempt.cancel()
        raise


async def _leave(client: _Client) -> None:
    try:
        with contextlib.suppress(aiomqtt.MqttError, TimeoutError):
            async with asyncio.timeout(CLOSE_WALL_S):
                await client.__aexit__(None, None, None)
    finally:
        client.hang_up()
