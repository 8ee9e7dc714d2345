"""What `/metrics` says, in the formats of Prometheus and OpenMetrics (extra `metrics`)."""

from __future__ import annotations

from functools import partial
from itertools import accumulate
from typing import TYPE_CHECKING, Any, Final, TypeAlias

from prometheus_client import CollectorRegistry, ProcessCollector
from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
)
from prometheus_client.exposition import choose_encoder
from prometheus_client.utils import floatToGoString

from gateway.telemetry.catalogue import METRICS

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from prometheus_client import Metric as Family

    from gateway.telemetry.catalogue import Metric
    from gateway.telemetry.cells import Sample

__all__ = ["rendered"]

# Values of labels, and numbers.
_Series: TypeAlias = tuple[tuple[str, ...], tuple[float, ...]]
# Of several processes the first to start, and the most that one may open; of the rest the sum.
_OF_ONE: Final = {"process_start_time_seconds": min, "process_max_fds": max}


def rendered(sample: Sample, processes: Sequence[int], accept: str) -> tuple[str, bytes]:
    """The content type, and the text: of these numbers, and of these processes (CPU, memory, files;
    on Linux). A scrape of 10,000 numbers takes some 50 ms.
    """
    registry = CollectorRegistry(auto_describe=False)
    registry.register(_Collector([*_families(sample), *_process_families(processes)]))
    encode, content_type = choose_encoder(accept)
    text: bytes = encode(registry)
    return content_type, text


class _Collector:
    """Families that are there already."""

    def __init__(self, families: list[Family]) -> None:
        self._families = families

    def describe(self) -> Iterable[Family]:
        return ()

    def collect(self) -> Iterable[Family]:
        return self._families


def _families(sample: Sample) -> Iterator[Family]:
    by_name: dict[str, list[_Series]] = {}
    for (name, labels), numbers in sample.items():
        by_name.setdefault(name, []).append((labels, numbers))
    for metric in METRICS.values():
        # What counts without labels begins at 0.
        has_zero = not metric.labels and metric.kind != "gauge"
        zero: list[_Series] = [((), (0.0,) * metric.size)] if has_zero else []
        yield _family(metric, by_name.get(metric.name, zero))


def _family(metric: Metric, series: list[_Series]) -> Family:
    if metric.kind == "histogram":
        ends = [*map(floatToGoString, metric.bounds), "+Inf"]
        histogram = HistogramMetricFamily(metric.name, metric.help, labels=metric.labels)
        for labels, (total, *counts) in series:
            buckets: Any = list(zip(ends, accumulate(counts), strict=True))
            histogram.add_metric(labels, buckets, total)
        return histogram
    kind = CounterMetricFamily if metric.kind == "counter" else GaugeMetricFamily
    family = kind(metric.name.removesuffix("_total"), metric.help, labels=metric.labels)
    for labels, (number,) in series:
        family.add_metric(labels, number)
    return family


def _process_families(processes: Sequence[int]) -> list[Family]:
    found: dict[str, Family] = {}
    for process in processes:
        collector = ProcessCollector(pid=partial(int, process), registry=None)
        for family in collector.collect():
            before = found.setdefault(family.name, family)
            if before is not family and family.samples:
                [old], [new] = before.samples, family.samples
                merge = _OF_ONE.get(old.name)
                value = old.value + new.value if merge is None else merge(old.value, new.value)
                before.samples = [old._replace(value=value)]
    return list(found.values())
