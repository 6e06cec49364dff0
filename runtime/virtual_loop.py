"""An asyncio loop in virtual time: it never waits, it jumps to the next deadline.

One thread, no sockets, one order. Callbacks that are ready run first come, first served; timers of one instant fire in
the order in which they were set, or, with a seed, in an order that the seed draws (a seam for finding what leans on
the order of a coincidence). Time is kept in integer nanoseconds, so nothing drifts, however long the flight.
"""

import asyncio
import heapq
import math
import random
import selectors
import weakref
from collections import deque
from collections.abc import Callable, Coroutine, Generator
from contextvars import Context
from typing import Any, NoReturn, TypeVar, TypeVarTuple

from icd.timebase import NS_PER_S, MissionTime
from runtime.seeds import stream

T = TypeVar("T")
Ts = TypeVarTuple("Ts")

# What reaches out of the process, or needs a second thread: none of it has a meaning in virtual time.
REFUSED = """
    run_in_executor set_default_executor call_soon_threadsafe add_signal_handler add_reader add_writer getaddrinfo
    getnameinfo create_connection create_server create_unix_connection create_unix_server create_datagram_endpoint
    connect_accepted_socket connect_read_pipe connect_write_pipe start_tls sendfile subprocess_exec subprocess_shell
    sock_recv sock_recv_into sock_recvfrom sock_recvfrom_into sock_sendall sock_sendto sock_sendfile sock_connect
    sock_accept
""".split()  # noqa: SIM905  # a list of thirty quoted names reads worse
_CANCELLED_MIN = 64  # cancelled timers kept before a sweep is worth it
# An instant that passed through float seconds comes back wrong by a fraction of a nanosecond (0.6 ns in 30 days).
# Rounding up past this much fires it on its nanosecond or the next one, never before.
_ROUNDING_NS = 0.25


class VirtualLoopError(RuntimeError):
    """What goes wrong in virtual time."""


class DeadlockError(VirtualLoopError):
    """Nothing is ready and no timer is left: whoever still waits, waits for ever."""


class RefusedInVirtualTimeError(VirtualLoopError):
    """A thread, a socket, a signal or a process was asked for."""


class VirtualLoop(asyncio.SelectorEventLoop):
    """A loop whose time starts at 0.0 s and moves only when nothing is ready."""

    _ready: deque[asyncio.Handle]  # the base class's own queue, the one private name that is used here

    def __init__(self, seed: int | None = None) -> None:
        self.now_ns = 0
        self.failure: BaseException | None = None
        self._timers: list[tuple[int, float, int, asyncio.TimerHandle]] = []
        self._set_count = 0
        self._cancelled_count = 0
        self._ties: random.Random | None = None if seed is None else stream(seed, "equal deadlines")
        self._tasks: weakref.WeakKeyDictionary[asyncio.Task[Any], None] = weakref.WeakKeyDictionary()
        super().__init__(_Jump(self.jump))
        self.set_exception_handler(_keep_failure)

    def time(self) -> float:
        """Return virtual seconds since the loop was made."""
        return self.now_ns / NS_PER_S

    def call_later(
        self, delay: float, callback: Callable[[*Ts], object], *args: *Ts, context: Context | None = None
    ) -> asyncio.TimerHandle:
        """Call back after `delay` seconds, to the nanosecond, never early."""
        return self._set(self.now_ns + math.ceil(delay * NS_PER_S - _ROUNDING_NS), callback, args, context)

    def call_at(
        self, when: float, callback: Callable[[*Ts], object], *args: *Ts, context: Context | None = None
    ) -> asyncio.TimerHandle:
        """Call back when `time()` reaches `when`."""
        return self._set(math.ceil(when * NS_PER_S - _ROUNDING_NS), callback, args, context)

    def create_task(self, coro: Generator[Any, None, T] | Coroutine[Any, Any, T], **options: Any) -> asyncio.Task[T]:
        """Make a task and remember its place in the order of creation."""
        task = super().create_task(coro, **options)
        self._tasks[task] = None
        return task

    def unfinished_tasks(self) -> list[asyncio.Task[Any]]:
        """Return the tasks that are not done, oldest first."""
        return [task for task in self._tasks if not task.done()]

    def jump(self, idle: bool) -> None:
        """Make the timers that are due ready; when idle, first move time to the next of them.

        Raises:
            DeadlockError: idle, and no timer is left.
        """
        timers = self._timers
        while timers and timers[0][3].cancelled():
            heapq.heappop(timers)[3]._scheduled = False  # type: ignore[attr-defined]
            self._cancelled_count -= 1
        if idle:
            if not timers:
                waiting = ", ".join(task.get_name() for task in self.unfinished_tasks()) or "no task"
                raise DeadlockError(f"t={self.time():.3f} s: nothing is ready and no timer is left; waiting: {waiting}")
            self.now_ns = max(self.now_ns, timers[0][0])
        while timers and timers[0][0] <= self.now_ns:
            handle = heapq.heappop(timers)[3]
            handle._scheduled = False  # type: ignore[attr-defined]
            if handle.cancelled():
                self._cancelled_count -= 1
            else:
                self._ready.append(handle)

    def _set(
        self, when_ns: int, callback: Callable[..., object], args: tuple[Any, ...], context: Context | None
    ) -> asyncio.TimerHandle:
        if self.is_closed():
            raise RuntimeError("Event loop is closed")
        handle = asyncio.TimerHandle(when_ns / NS_PER_S, callback, args, self, context)
        self._set_count += 1
        tie = 0.0 if self._ties is None else self._ties.random()
        heapq.heappush(self._timers, (when_ns, tie, self._set_count, handle))
        handle._scheduled = True  # type: ignore[attr-defined]
        return handle

    def _timer_handle_cancelled(self, handle: asyncio.TimerHandle) -> None:
        """Count a cancelled timer (the base class's hook); sweep when most of the heap is dead."""
        if not handle._scheduled:  # type: ignore[attr-defined]
            return
        self._cancelled_count += 1
        if self._cancelled_count > _CANCELLED_MIN and self._cancelled_count * 2 > len(self._timers):
            # The hook runs just before the handle is marked, so this one stays for the next sweep.
            self._timers = [entry for entry in self._timers if not entry[3].cancelled()]
            heapq.heapify(self._timers)
            self._cancelled_count = 1


class VirtualClock:
    """Mission time of a virtual loop: the epoch and the loop's nanoseconds, at rate 1."""

    def __init__(self, loop: VirtualLoop, epoch: MissionTime) -> None:
        self._loop = loop
        self._epoch = epoch

    @property
    def rate(self) -> float:
        """Mission seconds per second of the loop."""
        return 1.0

    def now(self) -> MissionTime:
        """Return the present mission time."""
        return MissionTime(self._epoch + self._loop.now_ns)


def run_virtual(main: Coroutine[Any, Any, T], seed: int | None = None) -> T:
    """Run a coroutine in virtual time and return its result; the tasks it leaves are cancelled, oldest first.

    An exception that a callback or an unwatched task raises ends the run at once and is raised here: in a
    simulation nobody reads the log.

    Args:
        main: what to run.
        seed: None fires timers of one instant in the order of setting, a number draws that order.

    Raises:
        DeadlockError: `main` waits for what can never come.
    """
    loop = VirtualLoop(seed)
    asyncio.set_event_loop(loop)
    try:
        return _complete(loop, main)
    finally:
        try:
            _cancel_all(loop)
            loop.run_until_complete(loop.shutdown_asyncgens())
        finally:
            asyncio.set_event_loop(None)
            loop.close()


def virtual_loop() -> VirtualLoop:
    """Return the running virtual loop.

    Raises:
        VirtualLoopError: the running loop is another.
    """
    loop = asyncio.get_running_loop()
    if not isinstance(loop, VirtualLoop):
        raise VirtualLoopError("the running loop is not a VirtualLoop: start the program with run_virtual")
    return loop


def _complete(loop: VirtualLoop, main: Coroutine[Any, Any, T]) -> T:
    try:
        result = loop.run_until_complete(main)
    except RuntimeError:
        if loop.failure is not None:
            raise loop.failure from None
        raise
    if loop.failure is not None:
        raise loop.failure
    return result


def _cancel_all(loop: VirtualLoop) -> None:
    tasks = loop.unfinished_tasks()
    for task in tasks:
        task.cancel()
    loop.failure = None
    loop.set_exception_handler(None)
    if tasks:
        loop.run_until_complete(asyncio.gather(*tasks, return_exceptions=True))


def _keep_failure(loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
    error = context.get("exception")
    if isinstance(loop, VirtualLoop) and isinstance(error, BaseException):
        loop.failure = loop.failure or error
        loop.stop()
    else:
        loop.default_exception_handler(context)


class _Jump(selectors.SelectSelector):
    """The seam between the base class and virtual time: it polls nothing, it lets the loop jump."""

    def __init__(self, jump: Callable[[bool], None]) -> None:
        super().__init__()
        self._jump = jump

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        self._jump(timeout is None)
        return []


def _refusal(name: str) -> Callable[..., NoReturn]:
    def refuse(self: VirtualLoop, *args: object, **options: object) -> NoReturn:
        raise RefusedInVirtualTimeError(f"{name}: no threads, sockets, signals or processes in virtual time")

    return refuse


for _name in REFUSED:
    setattr(VirtualLoop, _name, _refusal(_name))
