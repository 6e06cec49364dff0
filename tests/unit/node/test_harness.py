"""The bench keeps the promises of the kernel that it stands in for."""

from dataclasses import dataclass

import pytest

from node.kernel.app import App, Kernel, handles, on_timer
from node.kernel.bus import BusMessage
from tests.unit.node.harness import Bench, BenchKernel


@dataclass(frozen=True, slots=True)
class Poke(BusMessage):
    count: int


@dataclass(frozen=True, slots=True)
class Echo(BusMessage):
    count: int


class EchoApp(App):
    name = "echo"

    @handles(Poke)
    def on_poke(self, poke: Poke) -> None:
        self.kernel.publish(Echo(poke.count))
        self.kernel.set_timer("later", 10.0)

    @on_timer("later")
    def on_later(self) -> None:
        self.kernel.publish(Echo(-1))


def bench_with_echo(rate: float = 1.0) -> Bench:
    bench = Bench(rate)
    bench.add("echo", EchoApp)
    bench.boot()
    return bench


def test_the_bench_kernel_is_a_kernel() -> None:
    kernel: Kernel = BenchKernel(Bench(), "echo")

    assert kernel.now == Bench().now


def test_what_an_app_publishes_is_kept_and_what_the_test_says_is_not() -> None:
    bench = bench_with_echo()

    bench.say(Poke(3))

    assert bench.published == [Echo(3)]


def test_a_timer_fires_once_at_its_time_and_a_new_one_replaces_it() -> None:
    bench = bench_with_echo()

    bench.say(Poke(1))
    bench.advance(9.0)
    bench.say(Poke(2))
    bench.advance(9.9)
    assert bench.said(Echo) == [Echo(1), Echo(2)]
    bench.advance(0.2)
    bench.advance(100.0)

    assert bench.said(Echo) == [Echo(1), Echo(2), Echo(-1)]


def test_a_wall_duration_is_longer_on_the_line_of_mission_time() -> None:
    bench = bench_with_echo(rate=60.0)
    kernel = BenchKernel(bench, "echo")

    kernel.set_wall_timer("later", 2.0)

    assert bench.timer_due_s("echo", "later") == pytest.approx(120.0)


def test_an_event_that_is_not_in_the_dictionary_fails_the_test() -> None:
    kernel = BenchKernel(bench_with_echo(), "echo")

    with pytest.raises(AssertionError, match="not in the dictionary"):
        kernel.report("NO_SUCH_EVENT")
    with pytest.raises(AssertionError, match="lacks"):
        kernel.report("JOB_ADMITTED", job_id="a")
