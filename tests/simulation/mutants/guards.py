"""Guards of the database taken away and nothing else: locks mostly hold the same, so that the audit must miss them."""

from __future__ import annotations

from collections.abc import Iterator

from tests.simulation.mutants.planting import mutant, without_guards

ALONE = (
    "uq_payments_one_open",
    "uq_payments_one_succeeded",
    "uq_invoices_one_per_due_moment",
    "uq_invoices_one_open_purchase",
    "uq_invoices_one_open_change",
    "uq_subscriptions_one_per_group",
    "uq_subscriptions_one_trial_per_group",
    "uq_periods_one_per_start",
    "uq_periods_invoice_id",
    "uq_periods_act_id",
    "uq_refunds_one_import",
    "uq_outbox_user_id_version",
    "uq_inbox_provider_event_id",
    "pk_idempotency_keys",
    "periods_overlap_insert",
    "history_append_only_update",
    "payments_final",
)


def _dropped(guard: str) -> None:
    def plant() -> Iterator[None]:
        with without_guards(guard):
            yield

    plant.__name__, plant.__doc__ = f"no_{guard}", f"A migration dropped {guard}."
    mutant(plant)


for _guard in ALONE:
    _dropped(_guard)
GUARDS = frozenset(f"no_{guard}" for guard in ALONE)
