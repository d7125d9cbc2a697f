"""Once a day payment systems say what was taken and taken back, whether or not they told us: a webhook may never come.

Of a payment that succeeded after they had said no, of a dispute, or of a refund made there by hand, nothing else would
ever make us ask.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from sqlalchemy import func, or_, select

from portal import runtime
from portal.db.session import db, end_reads
from portal.domain.payment import payment_id_of
from portal.domain.refund import refund_id_of
from portal.models.installation import JobRunRow
from portal.models.payment import DisputeRow, PaymentRow, RefundRow
from portal.providers.port import Listable, Listed, Provider
from portal.services import heartbeat, job_runs
from portal.services.clues import payments_at
from portal.services.disputes import ask_about_money_back
from portal.services.one_by_one import one_by_one

EVERY = timedelta(days=1)
AGAIN = timedelta(days=10)  # before the last time; what could not be settled at once is found so many days more


class CouldNotReconcile(RuntimeError):
    """A payment system whose word is needed did not answer."""


def run_once() -> int:
    """Each payment system once a day, whoever asks. Answers how many payments were asked about.

    Raises CouldNotReconcile where one does not tell: it is still due, and the others are done.
    """
    asked, silent = 0, []
    for name, last in _last().items():
        now, due = runtime.clock.now(), _due(last)
        end_reads()
        if due is None or due > now:
            continue
        try:
            done = _reconcile(name, last - AGAIN if last is not None else None)
        except CouldNotReconcile as error:
            silent.append(str(error))
        else:
            asked += done
            job_runs.write(_mark(name), {"started_at": now, "finished_at": runtime.clock.now(), "done": done})
    if silent:
        raise CouldNotReconcile("; ".join(silent))
    return asked


def next_due() -> datetime | None:
    due = [moment for last in _last().values() if (moment := _due(last)) is not None]
    return min(due, default=None)


def _due(last: datetime | None) -> datetime | None:
    """Before the first payment there is nothing that could be taken back."""
    return last + EVERY if last is not None else db.session.scalar(select(func.min(PaymentRow.created_at)))


def _last() -> Mapping[str, datetime | None]:
    """When each payment system told everything. What is still to come was left by a traveller who has gone back."""
    marks = select(JobRunRow.job, JobRunRow.started_at).where(
        JobRunRow.job.in_([_mark(name) for name in runtime.providers]), JobRunRow.started_at <= runtime.clock.now()
    )
    found: dict[str, datetime] = dict(db.session.execute(marks).all())
    return {name: found.get(_mark(name)) for name in runtime.providers}


def _mark(name: str) -> str:
    """Beside the worker's own row of this job, which says of each try, also of one that had nothing to do."""
    return f"reconcile:{name}"


def _reconcile(name: str, since: datetime | None) -> int:
    """A page at a time: what was asked about for one is known when the next is read."""
    asked = 0
    for what, untold, work in COMPARED:
        for page in _pages(name, runtime.providers[name], what, since):
            payments = untold(name, page)
            one_by_one(payments, work)
            asked += len(payments)
    return asked


def _pages(name: str, provider: Provider, what: Listable, since: datetime | None) -> Iterator[Sequence[Listed]]:
    after: str | None = ""
    while after is not None:
        heartbeat.go_on()
        page = provider.listed(what, after, since)
        if not page.known:
            raise CouldNotReconcile(f"{name} does not tell its {what}: {page.note}")
        if page.objects:
            yield page.objects
        after = page.after


def _failed_with_us(name: str, page: Sequence[Listed]) -> list[UUID]:
    """Succeeded there. What is still open with us is asked about as it is."""
    ours = [payment_id for one in page if one.state == "succeeded" and (payment_id := payment_id_of(one.reference))]
    failed = select(PaymentRow.id).where(PaymentRow.provider == name, PaymentRow.state == "failed")
    found = db.session.scalars(failed.where(PaymentRow.id.in_(ours)).order_by(PaymentRow.id)).all()
    end_reads()
    return list(found)


def _refunds_unknown(name: str, page: Sequence[Listed]) -> list[UUID]:
    """Neither by its id there nor, while we wait for that id, by our reference. One that failed took nothing back, and
    is news where we believe that it succeeded.
    """
    ours = [refund_id for one in page if (refund_id := refund_id_of(one.reference))]
    by_id, by_reference = RefundRow.provider_ref.in_([one.provider_ref for one in page]), RefundRow.id.in_(ours)
    statement = (
        select(RefundRow.id, RefundRow.state, RefundRow.provider_ref, PaymentRow.provider_ref)
        .join(PaymentRow, PaymentRow.id == RefundRow.payment_id)
        .where(PaymentRow.provider == name, or_(by_id, by_reference & RefundRow.provider_ref.is_(None)))
    )
    rows = db.session.execute(statement).all()
    end_reads()
    known = {(refund, payment): state for _, state, refund, payment in rows}
    unanswered = {refund_id for refund_id, _, refund, _ in rows if refund is None}
    news = [
        one
        for one in page
        if (
            known.get((one.provider_ref, one.payment_ref)) == "succeeded"
            if one.state == "failed"
            else (one.provider_ref, one.payment_ref) not in known and refund_id_of(one.reference) not in unanswered
        )
    ]
    return _taken_from(name, news)


def _disputes_unknown(name: str, page: Sequence[Listed]) -> list[UUID]:
    named = DisputeRow.provider == name, DisputeRow.provider_ref.in_([one.provider_ref for one in page])
    known = set(db.session.scalars(select(DisputeRow.provider_ref).where(*named)))
    end_reads()
    return _taken_from(name, [one for one in page if one.provider_ref not in known])


def _taken_from(name: str, takes: Sequence[Listed]) -> list[UUID]:
    """Ours, that these take from."""
    if not takes:
        return []
    found = payments_at(name, *{one.payment_ref for one in takes})
    end_reads()
    return sorted(payment.id for payment in found)


Untold = Callable[[str, Sequence[Listed]], list[UUID]]
# What is listed; which of our payments a page of it tells something new about; how they are asked about.
COMPARED: Final[tuple[tuple[Listable, Untold, Callable[[UUID], object]], ...]] = (
    ("payments", _failed_with_us, ask_about_money_back),  # and so whether what it took went back
    ("refunds", _refunds_unknown, ask_about_money_back),
    ("disputes", _disputes_unknown, ask_about_money_back),
)
