"""Period n of a run is reckoned from the run's anchor, in the subscription's zone: once more, by other means."""

from __future__ import annotations

from calendar import monthrange
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from itertools import groupby
from typing import Any, NamedTuple, TypeAlias
from zoneinfo import ZoneInfo

from portal.audit.ask import found, moment, plain, stream
from portal.audit.violation import N_, Audit, Invariant, Walk

PARKED = timedelta(days=14)
TRIED = timedelta(days=1)
LONGEST_GRACE = timedelta(days=15)
GIVES_TIME = ("first_paid", "trial_converted", "renewed", "prolonged", "recovered", "plan_changed")
LOSES_METHOD = ("method_removed", "method_forgotten")
GAINS_METHOD = ("method_added", "method_changed", "first_paid", "trial_started", "recovered")
TOLD = """
    SELECT h.seq, h.subscription_id, h.at, h.event, h.from_state, h.facts ->> 'anchor' AS anchor,
        CAST(h.facts ->> 'steps' AS integer) AS steps, h.facts ->> 'zone' AS zone,
        h.facts ->> 'paid_through' AS paid_through, h.facts ->> 'trial_end' AS trial_end,
        CAST(h.facts ->> 'auto_renew' AS text) AS renews, replace(h.facts ->> 'plan_id', '-', '') AS plan,
        moment(h.facts ->> 'anchor') AS since, moment(h.facts ->> 'paid_through') AS until,
        CAST(h.facts ->> 'steps' AS integer) - p.intervals AS begun,
        p.id AS period, p.start, p."end" AS ends, p.intervals
    FROM history h LEFT JOIN periods p
        ON p.subscription_id = h.subscription_id AND p.created_at = h.at AND p.invoice_id IS NOT NULL
    WHERE h.kind = 'subscription'
"""
# What the database can see to be right needs no second look: a run that begins where it may and goes on from its
# anchor, with nothing left out. Of whatever else there is, the whole story is read here.
DOUBTFUL = f"""
    WITH seen AS MATERIALIZED (
        SELECT t.subscription_id, t.since, t.begun, t.steps, t.intervals, CASE WHEN coalesce(CASE
                WHEN t.event = 'first_paid' OR t.from_state = 'suspended' THEN t.begun = 0 AND t.since = t.at
                WHEN t.event = 'trial_converted' THEN t.begun = 0 AND t.anchor = t.trial_end
                WHEN t.event = 'plan_changed' THEN false
                ELSE t.begun > 0 AND elapsed(t.at, t.start) < 1296000 END
            AND reckoned(t.since, t.zone, l."interval", l.interval_count, t.steps) = t.until AND t.ends = t.until
            AND reckoned(t.since, t.zone, l."interval", l.interval_count, t.begun) = t.start, false)
            THEN 0 ELSE 1 END AS doubt
        FROM ({TOLD}) AS t JOIN plans l ON replace(CAST(l.id AS text), '-', '') = t.plan
        WHERE t.event IN ('first_paid', 'trial_converted', 'renewed', 'prolonged', 'recovered', 'plan_changed')
            AND (t.event <> 'plan_changed' OR t.period IS NOT NULL)
    )
    SELECT DISTINCT subscription_id FROM (
        SELECT subscription_id, since, min(begun) AS first, max(steps) AS last, sum(intervals) AS given,
            sum(doubt) AS doubts FROM seen GROUP BY subscription_id, since
    ) AS run WHERE doubts > 0 OR coalesce(first, 1) <> 0 OR given <> last - first
"""
STORY = f"""
    SELECT t.* FROM ({TOLD}) AS t JOIN ({DOUBTFUL}) AS d ON d.subscription_id = t.subscription_id
    ORDER BY t.subscription_id, t.seq
"""
PLANS = "SELECT replace(CAST(id AS text), '-', '') AS plan, \"interval\" AS unit, interval_count AS many FROM plans"


class Every(NamedTuple):
    """How long one interval of a plan is."""

    unit: str
    many: int


Plans: TypeAlias = Mapping[str, Every]
Row: TypeAlias = Any  # of STORY


@dataclass
class Run:
    """What of a subscription is known before its next step."""

    anchor: str | None = None
    paid_through: str | None = None
    trial_end: str | None = None
    plan: str | None = None
    renews: bool = False
    has_method: bool = True
    parked: bool = False
    cuts: list[tuple[Row, datetime]] = field(default_factory=list)  # periods that end before they should
    changes: set[datetime] = field(default_factory=set)  # moments at which the plan was changed

    def after(self, row: Row) -> None:
        self.anchor, self.paid_through, self.trial_end = row.anchor, row.paid_through, row.trial_end
        self.plan, self.renews = row.plan, row.renews in ("true", "1")
        if row.event in LOSES_METHOD or row.event in GAINS_METHOD:
            self.has_method = row.event in GAINS_METHOD
        if row.event in ("parked", "unparked"):
            self.parked = row.event == "parked"


def periods_off_the_calendar(audit: Audit) -> Iterator[Mapping[str, object]]:
    if not found(audit, DOUBTFUL):
        return
    plans = {one["plan"]: Every(one["unit"], one["many"]) for one in stream(audit, PLANS)}
    for _, told in groupby(plain(audit, STORY), key=lambda row: row.subscription_id):
        yield from _of_subscription(told, plans, audit.limits.grace_days)


def _of_subscription(told: Iterable[Row], plans: Plans, grace_days: int) -> Iterator[Mapping[str, object]]:
    run = Run()
    for _, same in groupby(told, key=lambda row: row.seq):
        rows = list(same)  # more than one where two periods were given at one moment
        row = rows[0]
        if row.event == "plan_changed":
            run.changes.add(moment(row.at))
        if row.event in GIVES_TIME and row.anchor and row.paid_through and (row.event != "plan_changed" or row.period):
            wrong = _wrong(row, rows, run, plans, grace_days)
            if wrong:
                yield {"subscription_id": row.subscription_id, "history": row.seq, "period_id": row.period, **wrong}
        run.after(row)
    for row, end in run.cuts:
        if end not in run.changes:
            yield {"subscription_id": row.subscription_id, "history": row.seq, "period_id": row.period, "ends": end}


def _wrong(row: Row, rows: list[Row], run: Run, plans: Plans, grace_days: int) -> dict[str, object] | None:
    """Facts that contradict; None: all is well."""
    every, at = plans[row.plan], moment(row.at)
    if not _anchor_stands(row, run, plans, at, grace_days):
        return {"anchor": row.anchor, "anchor_before": run.anchor}
    end = reckoned(row.anchor, row.zone, every.unit, every.many * row.steps)
    if end != _read(row.paid_through):
        return {"paid_through": row.paid_through, "reckoned": end}
    for one in rows:
        if one.period is None:
            continue
        start = reckoned(row.anchor, row.zone, every.unit, every.many * (row.steps - one.intervals))
        if moment(one.start) == start and _touches(row, run, start):
            if moment(one.ends) != end:
                run.cuts.append((one, moment(one.ends)))
            return None
    return {"paid_through": row.paid_through, "starts": row.start}


def _anchor_stands(row: Row, run: Run, plans: Plans, at: datetime, grace_days: int) -> bool:
    """The anchor is kept while access runs on; it is another one only after a break, or for another interval."""
    anchor = _read(row.anchor)
    if row.event in ("first_paid", "plan_changed") or row.from_state == "suspended":
        return anchor == at
    if row.event == "trial_converted":
        end = _read(run.trial_end) if run.trial_end else at
        return anchor == end or (anchor == at and at >= end + TRIED)
    if run.anchor is None or run.paid_through is None or run.plan is None:
        return True
    paid_through, before = _read(run.paid_through), plans[run.plan]
    if row.anchor == run.anchor:
        return at < paid_through + LONGEST_GRACE and before == plans[row.plan]
    if anchor == paid_through and before != plans[row.plan]:
        return True
    return anchor == at and at >= _access_end(run, paid_through, before, row.zone, grace_days)


def _touches(row: Row, run: Run, start: datetime) -> bool:
    """A run that goes on leaves nothing out between what was paid for and what is paid for now."""
    goes_on = row.event in ("renewed", "prolonged", "recovered") and row.anchor == run.anchor
    return not goes_on or run.paid_through is None or start == _read(run.paid_through)


def _access_end(run: Run, paid_through: datetime, every: Every, zone: str, grace_days: int) -> datetime:
    if not (run.renews and run.has_method):
        return paid_through
    if run.parked:
        return paid_through + PARKED
    one_interval = reckoned(paid_through.isoformat(), zone, every.unit, every.many)
    return min(paid_through + timedelta(days=grace_days), one_interval)


@lru_cache(maxsize=1024)
def _read(moment_told: str) -> datetime:
    return datetime.fromisoformat(moment_told)


@lru_cache(maxsize=1024)
def _local(anchor: str, zone: str) -> datetime:
    return _read(anchor).astimezone(_zone(zone)).replace(tzinfo=None)


@lru_cache(maxsize=1024)
def _zone(name: str) -> ZoneInfo:
    return ZoneInfo(name)


@lru_cache(maxsize=64)
def reckoned(anchor: str, zone: str, unit: str, count: int) -> datetime:
    """`count` units after the anchor, at its local time of day, in UTC."""
    if count == 0:
        return _read(anchor)
    local = _local(anchor, zone)
    if unit in ("day", "week"):
        return _instant(local + timedelta(days=count * (7 if unit == "week" else 1)), _zone(zone))
    months = local.year * 12 + local.month - 1 + count * (12 if unit == "year" else 1)
    year, month = months // 12, months % 12 + 1
    day = local.day if local.day <= 28 else min(local.day, monthrange(year, month)[1])
    return _instant(local.replace(year=year, month=month, day=day), _zone(zone))


def _instant(local: datetime, zone: ZoneInfo) -> datetime:
    """One that exists twice is the first; one that does not exist is the end of the gap."""
    aware = local.replace(tzinfo=zone)
    early, late = aware.utcoffset(), aware.replace(fold=1).utcoffset()
    instant = aware.astimezone(UTC)
    if early == late or instant.astimezone(zone).replace(tzinfo=None) == local:
        return instant
    low, high = sorted((instant, aware.replace(fold=1).astimezone(UTC)))
    before = low.astimezone(zone).utcoffset()
    while high - low > timedelta(seconds=1):
        middle = low + (high - low) / 2
        low, high = (middle, high) if middle.astimezone(zone).utcoffset() == before else (low, middle)
    return high.replace(microsecond=0)


I26 = Invariant(
    "I26",
    "Periods of one run touch, and each is reckoned from the run's anchor",
    (
        Walk(
            N_("A period is not where its anchor, its plan and its zone put it."),
            N_("Open the subscription's page and compare its periods with its history; park it until that is clear."),
            periods_off_the_calendar,
        ),
    ),
)

INVARIANTS = (I26,)
