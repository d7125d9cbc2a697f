"""GET /metrics, for a service's token: what waits, since when, who lives, what ran. Prometheus text.

Every figure is read from the rows when it is asked for, so that it is the same whichever process answers. Moments are
Unix timestamps, as Prometheus likes them; where there is none, nothing is said.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime

from flask import Blueprint, Response, request
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.exposition import choose_encoder
from prometheus_client.registry import Collector

from portal.queries.office import audits, machinery, overview
from portal.web.service_tokens import calling_service

blueprint = Blueprint("metrics", __name__)


@blueprint.get("/metrics")
def metrics() -> Response:
    calling_service()
    try:
        encode, content_type = choose_encoder(request.headers.get("Accept", ""))
    except TypeError:  # a version that is none
        encode, content_type = choose_encoder("")
    return Response(encode(Installation()), content_type=content_type)


class Installation(Collector):
    def collect(self) -> Iterator[GaugeMetricFamily]:
        yield from _waiting()
        beats = machinery.heartbeats()
        yield _moments("process_alive", "When a process last said that it lives.", "process", beats)
        yield from _jobs()
        yield from _audit()


def _waiting() -> Iterator[GaugeMetricFamily]:
    found = overview.overview()
    more = f"{overview.MOST + 1} stands for more than {overview.MOST}"
    yield _gauge("waiting", f"What waits for an operator, a process or a customer; {more}.", "what", found.counts)
    oldest = {"events_unsent": found.oldest_unsent, "webhooks_waiting": found.oldest_unprocessed}
    yield _moments("waiting_since", "Since when the oldest of them waits.", "what", oldest)


def _jobs() -> Iterator[GaugeMetricFamily]:
    runs = machinery.job_runs()
    started = {job: run.started_at for job, run in runs.items()}
    failed = {job: float(run.error is not None) for job, run in runs.items()}
    yield _moments("job_started", "When the worker last began a job.", "job", started)
    yield _gauge("job_failed", "1 where the last run of a job ended with an error.", "job", failed)


def _audit() -> Iterator[GaugeMetricFamily]:
    last = audits.last_checked(audits.runs())
    if last is not None and last.finished_at is not None:
        found, done = "What the last audit found that could check everything.", "When it was done."
        yield GaugeMetricFamily("matinee_audit_violations", found, last.found)
        yield GaugeMetricFamily("matinee_audit_finished_timestamp_seconds", done, last.finished_at.timestamp())


def _moments(name: str, told: str, label: str, moments: Mapping[str, datetime | None]) -> GaugeMetricFamily:
    known = {of: moment.timestamp() for of, moment in moments.items() if moment is not None}
    return _gauge(f"{name}_timestamp_seconds", told, label, known)


def _gauge(name: str, told: str, label: str, values: Mapping[str, float]) -> GaugeMetricFamily:
    family = GaugeMetricFamily(f"matinee_{name}", told, labels=(label,))
    for of, value in values.items():
        family.add_metric((of,), value)
    return family
