"""What the database itself must refuse: the indexes, constraints and triggers that invariants hang on are there."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

from portal.audit.violation import N_, Audit, Walk
from portal.db import engines

WHAT = N_("A guard of the database is missing: it would not refuse what this invariant forbids.")
MAKE_AGAIN = N_(
    "Stop the worker and the web processes, make the guard again as the migrations make it, then run the audit."
)

# By invariant. `a|b`: the name on PostgreSQL, and on SQLite.
NAMES: Mapping[str, tuple[str, ...]] = {
    "I1": ("ck_periods_paid_or_granted", "uq_periods_invoice_id", "uq_periods_act_id"),
    "I2": ("uq_invoices_one_per_due_moment", "uq_invoices_one_open_purchase", "uq_invoices_one_open_change"),
    "I3": (
        "ex_periods_overlap|periods_overlap_insert",
        "ex_periods_overlap|periods_overlap_update",
        "uq_periods_one_per_start",
        "uq_subscriptions_one_per_group",
        "uq_subscriptions_one_trial_per_group",
    ),
    "I4": ("uq_payments_one_open", "uq_payments_one_succeeded"),
    "I5": ("ck_payments_refundable", "ck_refunds_amount", "uq_refunds_one_import"),
    "I9": (
        "ck_ledger_postings_amount",
        "ck_ledger_postings_accounts",
        "ledger_postings_append_only|ledger_postings_append_only_update",
        "ledger_postings_append_only|ledger_postings_append_only_delete",
    ),
    "I12": ("uq_outbox_user_id_version",),
    "I15": (
        "history_append_only|history_append_only_update",
        "history_append_only|history_append_only_delete",
        "subscriptions_final",
        "invoices_final",
        "payments_final",
        "refunds_final",
        "disputes_final",
    ),
    "I17": ("ck_payments_sent",),
    "I20": ("uq_inbox_provider_event_id",),
    "I22": ("pk_idempotency_keys",),
    "I23": (
        "activity_append_only|activity_append_only_update",
        "activity_append_only|activity_append_only_delete",
        "consents_append_only|consents_append_only_update",
        "consents_append_only|consents_append_only_delete",
        "prices_never_changed",
    ),
}


def missing_of(invariant: str) -> Walk:
    return Walk(WHAT, MAKE_AGAIN, _missing(NAMES[invariant]))


def _missing(names: tuple[str, ...]) -> Callable[[Audit], Iterator[Mapping[str, object]]]:
    def find(audit: Audit) -> Iterator[Mapping[str, object]]:
        there = engines.guards(audit.connection)
        here = -1 if engines.is_sqlite(audit.connection) else 0
        for name in dict.fromkeys(name.split("|")[here] for name in names):
            if name not in there:
                yield {"guard": name}

    return find
