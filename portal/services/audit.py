"""The audit as the portal asks for it: of the rows every night, and of payment systems and Auth on request."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from datetime import datetime, time, timedelta
from itertools import islice
from typing import Any
from urllib.parse import quote
from zoneinfo import ZoneInfo

import httpx
from sqlalchemy import delete, func, insert, select, update

from portal import runtime
from portal.audit import run
from portal.audit.outside import AuthView, BookCharge, BookDispute, BookRefund, ProviderBook
from portal.audit.violation import Invariant, Limits, Violation
from portal.db.session import atomic, db, end_reads
from portal.models.audit import AuditFindingRow, AuditRunRow
from portal.providers.port import Listable, Listed
from portal.services.clock import somebody_travels

AT_NIGHT = time(3)  # in the portal's zone
KEPT = 1000  # findings of one run; more are counted
KEPT_FOR = timedelta(days=90)
APPLIED_WITHIN = timedelta(minutes=10)  # by Auth, of what was published
DEADLINE = 10.0  # seconds for what Auth says of one user


class CouldNotCheck(RuntimeError):
    """Somebody whose word is needed did not answer."""


def violations(
    *,
    provider: ProviderBook | None = None,
    auth: AuthView | None = None,
    begun: Callable[[Invariant], None] = lambda _: None,
) -> Iterator[Violation]:
    """With this installation's rules. Raises CouldNotCheck on the way."""
    policy = runtime.policy
    limits = Limits(policy.grace_days, policy.charges_per_day, consuming=APPLIED_WITHIN)
    end_reads()
    return run.violations(now=runtime.clock.now(), provider=provider, auth=auth, limits=limits, begun=begun)


def run_once() -> int:
    """Once a night, whoever asks. Answers how many violations there are."""
    due = next_due()
    end_reads()
    if due is None or due > runtime.clock.now():
        return 0
    seq = _begin(runtime.clock.now())
    try:
        found = violations()
        kept = list(islice(found, KEPT))
        count = len(kept) + sum(1 for _ in found)
    except Exception as error:
        _end(seq, {"error": f"{type(error).__name__}: {error}"[:500].replace("\0", "")}, [])
        raise
    _end(seq, {"found": count}, kept)
    return count


def next_due() -> datetime | None:
    """The night after the last run. Nobody audits while somebody travels through time: they have arrived soon."""
    if somebody_travels():
        return None
    last = db.session.scalar(select(func.max(AuditRunRow.started_at)))
    return _night_after(last) if last is not None else runtime.clock.now()


def _night_after(moment: datetime) -> datetime:
    local = moment.astimezone(ZoneInfo(runtime.policy.zone))
    night = datetime.combine(local.date(), AT_NIGHT, local.tzinfo)
    return night if night > moment else night + timedelta(days=1)


def _begin(now: datetime) -> int:
    with atomic():
        db.session.execute(delete(AuditFindingRow).where(AuditFindingRow.run.in_(_old(now))))
        db.session.execute(delete(AuditRunRow).where(AuditRunRow.started_at < now - KEPT_FOR))
        row = insert(AuditRunRow).values(started_at=now, found=0).returning(AuditRunRow.seq)
        return db.session.execute(row).scalar_one()


def _old(now: datetime) -> Any:
    return select(AuditRunRow.seq).where(AuditRunRow.started_at < now - KEPT_FOR)


def _end(seq: int, values: Mapping[str, object], found: list[Violation]) -> None:
    with atomic():
        ended = {"finished_at": runtime.clock.now(), **values}
        db.session.execute(update(AuditRunRow).where(AuditRunRow.seq == seq).values(**ended))
        rows = [
            {"run": seq, "position": n, "invariant": one.invariant, "what": one.what, "ids": dict(one.ids)}
            | {"todo": one.todo}
            for n, one in enumerate(found)
        ]
        if rows:
            db.session.execute(insert(AuditFindingRow), rows)


class Books:
    """What every payment system that is switched on has of us. Their ids are told apart by their names."""

    def charges(self) -> Iterator[BookCharge]:
        for name, one in _listed("payments"):
            yield BookCharge(one.reference, f"{name}:{one.provider_ref}", one.minor, one.currency, one.state)

    def refunds(self) -> Iterator[BookRefund]:
        for name, one in _listed("refunds"):
            yield BookRefund(
                one.reference, f"{name}:{one.provider_ref}", f"{name}:{one.payment_ref}", one.minor, one.state
            )

    def disputes(self) -> Iterator[BookDispute]:
        for name, one in _listed("disputes"):
            yield BookDispute(f"{name}:{one.provider_ref}", f"{name}:{one.payment_ref}", one.minor, one.state)


def _listed(what: Listable) -> Iterator[tuple[str, Listed]]:
    for name, provider in runtime.providers.items():
        after: str | None = ""
        while after is not None:
            page = provider.listed(what, after)
            if not page.known:
                raise CouldNotCheck(f"{name} does not tell its {what}: {page.note}")
            yield from ((name, one) for one in page.objects)
            after = page.after


def auth_view() -> AuthView:
    """Auth's own answer to `GET <AUTH_USERS_URL>/<user>`. Whom it does not know it has told nothing of."""
    pretends = runtime.to_auth()
    named = pretends is not None or runtime.settings.auth_users_url
    client = httpx.Client(transport=pretends, timeout=DEADLINE, trust_env=False)

    def ask(user_id: str) -> Mapping[str, Any]:
        if not named:
            raise CouldNotCheck("AUTH_USERS_URL does not say whom to ask")
        try:
            answer = client.get(f"{runtime.settings.users_url}/{quote(user_id, safe='')}")
            said: Mapping[str, Any] = {} if answer.status_code == 404 else answer.raise_for_status().json()
        except (httpx.HTTPError, ValueError) as error:
            raise CouldNotCheck(f"Auth does not answer: {type(error).__name__}") from error
        return said

    return ask
