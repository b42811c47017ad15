"""Beside the libraries that count and time for a program: one event each."""

import statistics
import time

from measure import Target, ratio_of

from pydotcompute import TelemetryCollector

NUMBER = "peer"
METHOD = (
    "nanoseconds of one event, mean of 10,000 a turn: TelemetryCollector.record_receive() by hand, "
    "which stamps it too, / one event of the library; a kernel's own counting is in P5"
)
EVENTS = 10_000
PEERS = (
    "prometheus_client Counter.inc",
    "prometheus_client Histogram.observe",
    "OpenTelemetry Counter.add",
    "OpenTelemetry Histogram.record",
)
OURS = "record_receive"
TARGETS = tuple(Target(f"record_receive() / {peer}", "ratio") for peer in PEERS)


def run(effort):
    events = {OURS: _ours(), **_prometheus(), **_opentelemetry()}
    times = {name: [] for name in events}
    for block in range(effort.blocks):
        for name in list(events) if block % 2 else reversed(events):
            times[name].append(_nanoseconds(events[name][0]))
    for name, (_, counted) in events.items():
        assert counted() == effort.blocks * EVENTS, name
    return [
        ratio_of(
            times[OURS],
            times[peer],
            kernel_ns=statistics.median(times[OURS]),
            peer_ns=statistics.median(times[peer]),
        )
        for peer in PEERS
    ]


def _nanoseconds(event):
    begin = time.perf_counter_ns()
    for _ in range(EVENTS):
        event()
    return (time.perf_counter_ns() - begin) / EVENTS


def _ours():
    collector = TelemetryCollector()
    return (
        lambda: collector.record_receive("kernel"),
        lambda: collector.get_telemetry("kernel").messages_received,
    )


def _prometheus():
    from prometheus_client import CollectorRegistry, Counter, Histogram  # noqa: PLC0415

    registry = CollectorRegistry()
    counter = Counter("events", "events", ["kernel"], registry=registry).labels("kernel")
    histogram = Histogram("times", "times", ["kernel"], registry=registry).labels("kernel")
    label = {"kernel": "kernel"}
    return {
        PEERS[0]: (counter.inc, lambda: registry.get_sample_value("events_total", label)),
        PEERS[1]: (
            lambda: histogram.observe(0.001),
            lambda: registry.get_sample_value("times_count", label),
        ),
    }


def _opentelemetry():
    from opentelemetry.sdk.metrics import MeterProvider  # noqa: PLC0415
    from opentelemetry.sdk.metrics.export import InMemoryMetricReader  # noqa: PLC0415

    reader = InMemoryMetricReader()
    meter = MeterProvider(metric_readers=[reader]).get_meter("bench")
    counter, histogram = meter.create_counter("events"), meter.create_histogram("times")
    label = {"kernel": "kernel"}

    def point(name):
        (resource,) = reader.get_metrics_data().resource_metrics
        metrics = {metric.name: metric for metric in resource.scope_metrics[0].metrics}
        return metrics[name].data.data_points[0]

    return {
        PEERS[2]: (lambda: counter.add(1, label), lambda: point("events").value),
        PEERS[3]: (lambda: histogram.record(0.001, label), lambda: point("times").count),
    }
