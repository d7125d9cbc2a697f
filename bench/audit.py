"""How long the audit takes over a million invoices: `python -m bench.audit [invoices]`.

Fills a PostgreSQL database that it makes and drops with rows that agree with each other, audits them, and prints what
each invariant took. The bound beside it is the time that one plain read of the same tables takes in the same run.
Exit 1: something was found, or it took more than a minute.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime

from sqlalchemy import Connection, text

from bench.back_office import ID, throw_away
from portal.audit.run import violations
from portal.audit.violation import Invariant
from portal.db.session import db
from tests.world import World

PER_SUBSCRIPTION = 12  # invoices, one a month
NOW = datetime(2024, 12, 30, tzinfo=UTC)
MOST = 60.0  # seconds
TABLES = (
    *("users", "subscriptions", "invoices", "payments", "refunds", "disputes", "periods", "history", "outbox", "inbox"),
    *("ledger_postings", "ledger_holdings", "change_quotes", "activity", "plans"),
)

# One row for each invoice: whose, the how manieth, from when to when. Days up to the 28th, so that months are simple.
PLOT = """
CREATE TEMPORARY TABLE plot AS
SELECT u, k, 'user-' || u AS user_id, born, at, ends, p.id AS plan_id, r.id AS price_id, r.amount_minor AS minor,
  pg_temp.id_at(at, 'invoice' || u || '.' || k) AS invoice_id,
  pg_temp.id_at(at, 'payment' || u || '.' || k) AS payment_id,
  pg_temp.id_at(at, 'refund' || u) AS refund_id, pg_temp.id_at(born, 'subscription' || u) AS subscription_id,
  pg_temp.id_at(born, 'method' || u) AS method_id, k = :last AS running, k = :last AND u % 5 = 0 AS refunded
FROM (
  SELECT u, k, born, born + k * interval '1 month' AS at, born + (k + 1) * interval '1 month' AS ends
  FROM (SELECT u, timestamptz '2024-01-01 00:00+00' + (u % 27) * interval '1 day' + (u % 43200) * interval '1 second'
    AS born FROM generate_series(1, :users) u) people, generate_series(0, :last) k
) drawn, plans p JOIN prices r ON r.plan_id = p.id AND r.currency = 'RUB' WHERE p.code = 'standard'
ORDER BY at, u
"""
TOLD = """
    jsonb_build_object('plan_id', plan_id, 'price_id', price_id, 'auto_renew', {renews}, 'anchor', {anchor},
      'steps', {steps}, 'zone', 'Europe/Moscow', 'paid_through', {until}, 'trial_end', NULL, 'end_reason', NULL)
"""
STAMP = "to_char({} AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS\"+00:00\"')"
PENDING = TOLD.format(renews="false", anchor="NULL::text", steps="0", until="NULL::text")
ACTIVE = TOLD.format(renews="true", anchor=STAMP.format("born"), steps="k + 1", until=STAMP.format("ends"))
FILL = (
    """
    INSERT INTO users (id, email, locale, first_subscribed_at, entitlements_version, tokens_from_version, created_at)
    SELECT user_id, user_id || '@example.com', 'ru', born, :last + 1, 1, born FROM plot WHERE k = 0
    """,
    """
    INSERT INTO payment_methods (id, user_id, provider, customer_ref, method_ref, kind, title, created_at)
    SELECT method_id, user_id, 'sandbox', 'customer_' || u, 'method_' || u, 'card', 'Visa', born FROM plot WHERE k = 0
    """,
    """
    INSERT INTO subscriptions (id, user_id, plan_id, price_id, "group", state, auto_renew, zone, created_at, anchor,
      steps, paid_through, payment_method_id, next_action_at, started_at, declines, method_dead, gateway_failures)
    SELECT subscription_id, user_id, plan_id, price_id, 'main', 'active', true, 'Europe/Moscow', born, born, k + 1,
      ends, method_id, ends, born, 0, false, 0 FROM plot WHERE running
    """,
    """
    INSERT INTO invoices (id, number, user_id, subscription_id, plan_id, price_id, reason, due_at, state, count,
      total_minor, currency, provider, renews, expires_at, created_at, modified_at, paid_at)
    SELECT invoice_id, 'B-' || u || '-' || k, user_id, subscription_id, plan_id, price_id,
      CASE k WHEN 0 THEN 'purchase' ELSE 'renewal' END, at, 'paid', 1, minor, 'RUB', 'sandbox', true,
      at + interval '1 day', at, at, at FROM plot
    """,
    """
    INSERT INTO payments (id, invoice_id, subscription_id, user_id, provider, kind, state, amount_minor, currency,
      created_at, modified_at, why, payment_method_id, provider_ref, sent_at, succeeded_at, checks, refunded_minor,
      reserved_minor, disputed_minor)
    SELECT payment_id, invoice_id, subscription_id, user_id, 'sandbox', CASE k WHEN 0 THEN 'checkout' ELSE 'charge' END,
      'succeeded', minor, 'RUB', at, at, jsonb_build_object('reason', 'renewal', 'count', 1, 'steps', k, 'declines', 0),
      method_id, 'pay_' || u || '.' || k, at, at, 0, CASE WHEN refunded THEN 100 ELSE 0 END, 0, 0 FROM plot
    """,
    """
    INSERT INTO refunds (id, payment_id, invoice_id, subscription_id, user_id, reason, state, amount_minor, currency,
      created_at, modified_at, effect, provider_ref, sent_at, accepted_at, checks)
    SELECT refund_id, payment_id, invoice_id, subscription_id, user_id, 'customer', 'succeeded', 100, 'RUB', at, at,
      'keep', 're_' || u, at, at, 0 FROM plot WHERE refunded
    """,
    """
    INSERT INTO periods (id, subscription_id, start, "end", intervals, invoice_id, created_at)
    SELECT pg_temp.id_at(at, 'period' || u || '.' || k), subscription_id, at, ends, 1, invoice_id, at FROM plot
    """,
    f"""
    INSERT INTO history (at, due_at, user_id, subscription_id, kind, subject_id, event, from_state, to_state, actor,
      reason, facts)
    SELECT at, at, user_id, subscription_id, kind, CASE kind WHEN 'payment' THEN payment_id
      WHEN 'invoice' THEN invoice_id WHEN 'refund' THEN refund_id ELSE subscription_id END, event, before, after,
      'worker', 'renewal',
      CASE WHEN kind <> 'subscription' THEN jsonb_build_object('amount_minor', minor, 'currency', 'RUB')
        WHEN after = 'pending' THEN {PENDING} ELSE {ACTIVE} END
    FROM plot, (VALUES (1, 'subscription', 'created', NULL, 'pending'), (2, 'invoice', 'created', NULL, 'not_paid'),
      (3, 'payment', 'created', NULL, 'created'), (4, 'payment', 'sent', 'created', 'unknown'),
      (5, 'payment', 'succeeded', 'unknown', 'succeeded'), (6, 'invoice', 'paid', 'not_paid', 'paid'),
      (7, 'subscription', 'first_paid', 'pending', 'active'), (8, 'subscription', 'renewed', 'active', 'active'),
      (9, 'payment', 'refund_reserved', 'succeeded', 'succeeded'), (10, 'refund', 'created', NULL, 'submitted'),
      (11, 'refund', 'sent', 'submitted', 'unknown'), (12, 'refund', 'succeeded', 'unknown', 'succeeded'),
      (13, 'payment', 'refund_done', 'succeeded', 'succeeded')) written (n, kind, event, before, after)
    WHERE CASE WHEN n IN (1, 7) THEN k = 0 WHEN n = 8 THEN k > 0 WHEN n > 8 THEN refunded ELSE true END
    ORDER BY at, u, n
    """,  # noqa: S608 - put together from the words above
    """
    INSERT INTO outbox (id, user_id, version, type, subscription_id, invoice_id, body, created_at, published_at,
      attempts)
    SELECT pg_temp.id_at(at, 'event' || u || '.' || k), user_id, k + 1,
      CASE k WHEN 0 THEN 'subscription.activated' ELSE 'subscription.renewed' END, subscription_id, invoice_id,
      jsonb_build_object('specversion', '1.0', 'subject', user_id, 'data', jsonb_build_object('user_id', user_id,
        'version', k + 1, 'tokens_from_version', 1, 'subscriptions', jsonb_build_array())), at, at, 1
    FROM plot ORDER BY at
    """,
    """
    INSERT INTO inbox (provider, event_id, kind, body, state, received_at, processed_at, attempts, next_attempt_at)
    SELECT 'sandbox', 'evt_' || u || '.' || k, 'payment.succeeded', '{}', 'processed', at, at, 1, at FROM plot
    """,
    """
    INSERT INTO ledger_postings (day, at, event, debit, credit, amount_minor, currency, user_id, subscription_id,
      invoice_id, payment_id)
    SELECT at::date, at, event, debit, credit, CASE WHEN n = 5 THEN 100 ELSE minor END, 'RUB', user_id, subscription_id,
      invoice_id, CASE WHEN n > 1 THEN payment_id END
    FROM plot, (VALUES (1, 'invoice_issued', 'receivable', 'invoiced'),
      (2, 'payment_received', 'clearing:sandbox', 'receivable'), (3, 'revenue_deferred', 'invoiced', 'deferred'),
      (4, 'revenue_earned', 'deferred', 'revenue'), (5, 'money_returned', 'deferred', 'clearing:sandbox'))
      posted (n, event, debit, credit)
    WHERE CASE n WHEN 4 THEN NOT running WHEN 5 THEN refunded ELSE true END ORDER BY plot.at, u, n
    """,
    """
    INSERT INTO ledger_holdings (payment_id, invoice_id, subscription_id, user_id, provider, currency, amount_minor,
      returned_minor, earned_minor, base_minor, start, "end", earned_until, due_at)
    SELECT payment_id, invoice_id, subscription_id, user_id, 'sandbox', 'RUB', minor,
      CASE WHEN refunded THEN 100 ELSE 0 END, CASE WHEN running THEN 0 ELSE minor END, 0, at, ends, at,
      CASE WHEN running THEN timestamptz '2025-01-01 00:00+00' END FROM plot
    """,
)


def fill(world: World, invoices: int) -> None:
    world.seed()
    values = {"users": invoices // PER_SUBSCRIPTION, "last": PER_SUBSCRIPTION - 1}
    with world.app.app_context():
        with db.engine.begin() as connection:
            # What refers to what is right by itself; looking it up a million times would only take long.
            connection.execute(text("SET LOCAL session_replication_role = replica"))
            connection.execute(text("SET LOCAL maintenance_work_mem = '512MB'"))
            connection.execute(text(ID))
            again = list(aside(connection))
            for statement in (PLOT, *FILL):
                connection.execute(text(statement), {name: values[name] for name in values if f":{name}" in statement})
            for statement in again:
                connection.execute(text(statement))
        with db.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            connection.execute(text("VACUUM ANALYZE"))


INDEXES = """
SELECT 'DROP INDEX ' || indexname, indexdef FROM pg_indexes WHERE schemaname = 'public' AND tablename = ANY(:tables)
AND indexname NOT IN (SELECT conname FROM pg_constraint)
UNION ALL SELECT 'ALTER TABLE periods DROP CONSTRAINT ' || conname,
  'ALTER TABLE periods ADD CONSTRAINT ' || conname || ' ' || pg_get_constraintdef(oid)
FROM pg_constraint WHERE contype = 'x'
"""


def aside(connection: Connection) -> Iterator[str]:
    """Drops the indexes of the tables that grow; answers how they are made again."""
    for drop, make in connection.execute(text(INDEXES), {"tables": list(TABLES)}).all():
        connection.execute(text(drop))
        yield make


def read_once(world: World) -> tuple[float, int]:
    """Every row of every table once, by one process: nobody can check them in less. Seconds, and how many rows."""
    rows, began = 0, time.perf_counter()
    with world.app.app_context(), db.engine.connect() as connection:
        connection.execute(text("SET max_parallel_workers_per_gather = 0"))
        for table in TABLES:
            rows += connection.scalar(text(f"SELECT count(t.*) FROM {table} t")) or 0  # noqa: S608 - our own names
    return time.perf_counter() - began, rows


def audit(world: World) -> tuple[float, int]:
    """Seconds, and how many violations. Prints what each invariant took."""
    began = last = time.perf_counter()
    running: list[str] = []

    def begun(invariant: Invariant | None) -> None:
        nonlocal last
        now = time.perf_counter()
        if running:
            print(f"| {running[-1]} | {now - last:.1f} |", flush=True)
        running.append(invariant.id if invariant else "")
        last = now

    print("| invariant | seconds |\n|---|---:|")
    found = 0
    with world.app.app_context():
        for violation in violations(now=NOW, begun=begun):
            found += 1
            if found <= 5:
                print(violation, file=sys.stderr)
    begun(None)
    return time.perf_counter() - began, found


def main(invoices: int) -> int:
    with throw_away() as world:
        began = time.perf_counter()
        fill(world, invoices)
        print(f"Filled in {time.perf_counter() - began:.0f} s: {world.count('invoices'):,} invoices.\n", flush=True)
        read_once(world)
        bound, rows = read_once(world)
        taken, found = audit(world)
    print(
        f"\nAudited {rows:,} rows in {taken:.1f} s, {found} violations; reading them once takes {bound:.1f} s: ", end=""
    )
    print(f"{taken / bound:.1f} times as long.")
    return int(found > 0 or taken > MOST)


if __name__ == "__main__":
    raise SystemExit(main(int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000))
