"""Metrics in the Prometheus text format, made from the service's own counters when asked for."""

from collections.abc import Iterable

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from ground.service import GroundService


class _ServiceCollector(Collector):
    """Reads the service's counters and the fleet's newest values."""

    def __init__(self, service: GroundService) -> None:
        self._service = service

    def collect(self) -> Iterable[Metric]:
        """Return every metric."""
        service = self._service
        for name, value in sorted(service.counters().items()):
            yield CounterMetricFamily(f"dawnline_ground_{name}", f"{name.replace('_', ' ')} since start", value=value)
        yield GaugeMetricFamily("dawnline_ground_link_up", "1 while the broker answers", value=float(service.link_up))
        for kind, counts in (("jobs", service.reader.job_counts()), ("events", service.reader.event_counts())):
            label = "state" if kind == "jobs" else "severity"
            family = GaugeMetricFamily(f"dawnline_{kind}", f"{kind} in the archive", labels=[label])
            for name, number in counts.items():
                family.add_metric([name], number)
            yield family
        yield from _node_gauges(service)


def metrics_text(service: GroundService) -> bytes:
    """Return every metric in the text format."""
    registry = CollectorRegistry(auto_describe=False)
    registry.register(_ServiceCollector(service))
    return generate_latest(registry)


def _node_gauges(service: GroundService) -> Iterable[Metric]:
    heard = GaugeMetricFamily("dawnline_node_heard", "1 while the node is heard", labels=["node"])
    soc = GaugeMetricFamily("dawnline_node_soc_frac", "State of charge, 0 to 1", labels=["node"])
    temp = GaugeMetricFamily("dawnline_node_module_temp_c", "Compute module temperature, degC", labels=["node"])
    for node in service.watch.nodes:
        heard.add_metric([node], float(service.watch.heard(node)))
        latest = service.watch.latest(node)
        if latest is not None and latest.sample.soc_frac is not None:
            soc.add_metric([node], latest.sample.soc_frac)
        if latest is not None and latest.sample.module_temp_c is not None:
            temp.add_metric([node], latest.sample.module_temp_c)
    return (heard, soc, temp)
