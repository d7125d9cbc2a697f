"""How fast the back office's lists and its search are over a long past: `python -m bench.back_office [invoices]`.

Fills a PostgreSQL database that it makes and drops, opens each page as a browser does, and prints a table. A page is
measured seven times after one visit that is not counted; the plan of each of its statements is looked at as well.
"""

from __future__ import annotations

import base64
import json
import re
import statistics
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from urllib.parse import urlencode
from uuid import uuid4

from flask.testing import FlaskClient
from sqlalchemy import Engine, event, text

from portal.db.session import db
from portal.demo.auth import keys
from tests.conftest import database_named, migrate, run_sql, settings_for
from tests.world import World

TIMES = 7
PER_USER = 50  # invoices
UNSENT = 200  # events
BIG = ("invoices", "invoice_lines", "payments", "refunds", "periods", "history", "outbox", "inbox")
SCAN = re.compile(rf"Seq Scan on ({'|'.join(BIG)})\b")
TABLES = (*BIG, "users", "subscriptions", "payment_methods")

# An id of version 7 for a moment: in the order of time, and the same whenever it is asked for.
ID = """
CREATE FUNCTION pg_temp.id_at(at timestamptz, seed text) RETURNS uuid LANGUAGE sql IMMUTABLE AS $$
  SELECT (lpad(to_hex((extract(epoch FROM at) * 1000)::bigint), 12, '0') || '7' || substr(md5(seed), 1, 3)
          || '8' || substr(md5(seed), 4, 15))::uuid
$$
"""

# One row for each invoice: whose, the how manieth, when. Everything below is made from it, in the order of time.
PLOT = """
CREATE TEMPORARY TABLE plot AS
SELECT *, pg_temp.id_at(at, 'invoice' || u || '.' || k) AS invoice_id,
  pg_temp.id_at(at, 'payment' || u || '.' || k) AS payment_id,
  pg_temp.id_at(born, 'subscription' || u) AS subscription_id, pg_temp.id_at(born, 'method' || u) AS method_id,
  CASE WHEN k = :last AND u % 50 = 0 THEN 'not_paid' WHEN k > 0 AND (u + k) % 20 = 0 THEN 'fail' ELSE 'paid' END
    AS state
FROM (
  SELECT u, k, 'user-' || u AS user_id,
    CASE WHEN u <= 3 THEN 'sport' WHEN u % 10 = 0 THEN 'premium-year' WHEN u % 3 = 0 THEN 'premium' ELSE 'standard' END
      AS code,
    timestamptz '2022-11-01 00:00+00' + u * interval '10 minutes' AS born,
    timestamptz '2022-11-01 00:00+00' + u * interval '10 minutes' + k * interval '1 month' AS at
  FROM generate_series(1, :users) u, generate_series(0, :last) k
) drawn
JOIN LATERAL (
  SELECT p.id AS plan_id, r.id AS price_id, r.amount_minor, p.names
  FROM plans p JOIN prices r ON r.plan_id = p.id AND r.currency = 'RUB' WHERE p.code = drawn.code
) plan ON true
ORDER BY at
"""

FILL = (
    """
    INSERT INTO users (id, email, locale, zone, first_subscribed_at, entitlements_version, tokens_from_version,
      created_at)
    SELECT user_id, user_id || '@example.com', 'ru', NULL, born, :last + 1, 0, born FROM plot WHERE k = 0
    """,
    """
    INSERT INTO payment_methods (id, user_id, provider, customer_ref, method_ref, kind, title, expires, created_at)
    SELECT method_id, user_id, 'sandbox', 'customer_' || u, 'method_' || u, 'card',
      'Visa ·· ' || lpad((u % 10000)::text, 4, '0'), '2034-12', born FROM plot WHERE k = 0
    """,
    """
    INSERT INTO subscriptions (id, user_id, plan_id, price_id, "group", state, auto_renew, zone, created_at, anchor,
      steps, paid_through, payment_method_id, next_action_at, started_at, declines, method_dead, gateway_failures)
    SELECT subscription_id, user_id, plan_id, price_id, 'main', 'active', true, 'Europe/Moscow', born, born, :last + 1,
      born + (:last + 1) * interval '1 month', method_id, born + (:last + 1) * interval '1 month', born, 0, false, 0
    FROM plot WHERE k = 0
    """,
    """
    INSERT INTO invoices (id, number, user_id, subscription_id, plan_id, price_id, reason, due_at, state, count,
      total_minor, currency, provider, renews, expires_at, created_at, modified_at, fail_reason, paid_at)
    SELECT invoice_id, 'B-' || extract(year FROM at) || '-' || lpad((u * (:last + 1) + k)::text, 7, '0'), user_id,
      subscription_id, plan_id, price_id, CASE k WHEN 0 THEN 'purchase' ELSE 'renewal' END, at, state, 1, amount_minor,
      'RUB', 'sandbox', true, at + interval '1 day', at, at, CASE state WHEN 'fail' THEN 'declined' END,
      CASE state WHEN 'paid' THEN at END
    FROM plot ORDER BY at
    """,
    """
    INSERT INTO invoice_lines (id, invoice_id, position, names, descriptions, unit_minor, count, discount_minor,
      tax_rate, total_minor)
    SELECT pg_temp.id_at(at, 'line' || u || '.' || k), invoice_id, 1, names, '{}', amount_minor, 1, 0, '0',
      amount_minor FROM plot ORDER BY at
    """,
    """
    INSERT INTO payments (id, invoice_id, subscription_id, user_id, provider, kind, state, amount_minor, currency,
      created_at, modified_at, why, payment_method_id, provider_ref, sent_at, succeeded_at, checks, review_at,
      decline_kind, decline_code, refunded_minor, reserved_minor)
    SELECT payment_id, invoice_id, subscription_id, user_id, 'sandbox', CASE k WHEN 0 THEN 'checkout' ELSE 'charge' END,
      CASE state WHEN 'paid' THEN 'succeeded' WHEN 'fail' THEN 'failed' ELSE 'unknown' END, amount_minor, 'RUB', at, at,
      jsonb_build_object('reason', 'renewal', 'price_id', price_id, 'count', 1, 'anchor', born, 'steps', k,
        'zone', 'Europe/Moscow', 'declines', 0),
      method_id, 'pay_' || substr(md5(payment_id::text), 1, 24), at, CASE state WHEN 'paid' THEN at END, 0,
      CASE state WHEN 'not_paid' THEN at END, CASE state WHEN 'fail' THEN 'soft' END,
      CASE state WHEN 'fail' THEN 'insufficient_funds' END, CASE WHEN state = 'paid' AND (u + k) % 2 = 0 THEN 100
      ELSE 0 END, 0
    FROM plot ORDER BY at
    """,
    """
    INSERT INTO refunds (id, payment_id, invoice_id, subscription_id, user_id, reason, state, amount_minor, currency,
      created_at, modified_at, effect, provider_ref, sent_at, accepted_at, checks)
    SELECT pg_temp.id_at(at, 'refund' || u || '.' || k), payment_id, invoice_id, subscription_id, user_id,
      CASE WHEN u % 7 = 0 THEN 'operator' ELSE 'customer' END, 'succeeded', 100, 'RUB', at, at, 'keep',
      're_' || substr(md5(payment_id::text), 1, 24), at, at, 0
    FROM plot WHERE state = 'paid' AND (u + k) % 2 = 0 ORDER BY at
    """,
    """
    INSERT INTO refunds (id, payment_id, invoice_id, subscription_id, user_id, reason, state, amount_minor, currency,
      created_at, modified_at, effect, checks)
    SELECT pg_temp.id_at(at, 'asked' || u || '.' || k), payment_id, invoice_id, subscription_id, user_id, 'customer',
      'requested', 200, 'RUB', at, at, 'keep', 0
    FROM plot WHERE state = 'paid' AND k = :last AND u % 40 = 1 ORDER BY at
    """,
    "UPDATE payments SET reserved_minor = 200 WHERE id IN (SELECT payment_id FROM refunds WHERE state = 'requested')",
    """
    INSERT INTO periods (id, subscription_id, start, "end", intervals, invoice_id, created_at)
    SELECT pg_temp.id_at(at, 'period' || u || '.' || k), subscription_id, at, born + (k + 1) * interval '1 month', 1,
      invoice_id, at FROM plot WHERE state = 'paid' ORDER BY at
    """,
    """
    INSERT INTO history (at, due_at, user_id, subscription_id, kind, subject_id, event, from_state, to_state, actor,
      reason, facts)
    SELECT at, at, user_id, subscription_id, kind, CASE kind WHEN 'payment' THEN payment_id ELSE invoice_id END, told,
      NULL, became, 'worker', 'renewal', jsonb_build_object('amount_minor', amount_minor, 'currency', 'RUB')
    FROM plot, (VALUES (1, 'invoice', 'created', 'not_paid'), (2, 'payment', 'created', 'created'),
      (3, 'payment', 'succeeded', 'succeeded'), (4, 'invoice', 'paid', 'paid')) written (n, kind, told, became)
    WHERE state = 'paid' OR n < 3 ORDER BY at, n
    """,
    """
    INSERT INTO outbox (id, user_id, version, type, subscription_id, invoice_id, body, created_at, published_at,
      attempts)
    SELECT pg_temp.id_at(at, 'event' || u || '.' || k), user_id, k + 1, 'subscription.renewed', subscription_id,
      invoice_id, jsonb_build_object('id', pg_temp.id_at(at, 'event' || u || '.' || k)), at, at, 1
    FROM plot WHERE state = 'paid' ORDER BY at
    """,
    "UPDATE outbox SET published_at = NULL WHERE seq > (SELECT max(seq) - :unsent FROM outbox)",
    """
    INSERT INTO inbox (provider, event_id, kind, body, state, received_at, processed_at, attempts, next_attempt_at,
      kind_of_subject, subject_id, user_id)
    SELECT 'sandbox', 'evt_' || substr(md5(payment_id::text), 1, 24), 'payment.succeeded', '{}', 'processed', at, at, 1,
      at, 'payment', payment_id, user_id FROM plot ORDER BY at
    """,
)

# What lists are filtered by; what stands in braces is taken from the sample below.
FILTERS = {
    "invoices": (
        "state=paid",
        "state=not_paid",
        "state=fail",
        "reason=purchase",
        "reason=renewal",
        "reason=plan_change",
        "plan=standard",
        "plan=sport",
        "sent=waiting",
        "sent=sent",
        "sent=sent&state=fail",
        "reason=purchase&state=fail",
        "since={day}&until={day}",
        "user={user}",
        "user={email}",
        "user=nobody",
    ),
    "payments": (
        "state=succeeded",
        "state=failed",
        "state=pending",
        "review=yes",
        "provider=sandbox",
        "provider=sandbox&state=pending",
        "since={day}&until={day}",
        "user={user}",
        "user=nobody",
    ),
    "refunds": (
        "state=requested",
        "state=succeeded",
        "state=failed",
        "reason=customer",
        "reason=late",
        "since={day}&until={day}",
        "user={user}",
        "user=nobody",
    ),
}
NAMES = ("email", "user", "number", "invoice", "subscription", "refund", "plan", "event", "provider_ref", "refund_ref")
SEARCHED = (
    *(f"{{{name}}}" for name in (*NAMES, "method_ref", "customer_ref", "webhook")),
    "payment:{payment}",
    "{digits} {day}",
    "nobody",
)

# What one searches for, taken from the middle of the past.
SAMPLE = """
SELECT i.id AS invoice, i.number, i.subscription_id AS subscription, i.user_id AS user, i.plan_id AS plan,
  p.id AS payment, p.provider_ref, p.created_at::date AS day, right(m.title, 4) AS digits, m.method_ref, m.customer_ref,
  r.id AS refund, r.provider_ref AS refund_ref, u.email, o.id AS event, n.event_id AS webhook
FROM invoices i JOIN payments p ON p.invoice_id = i.id JOIN payment_methods m ON m.id = p.payment_method_id
JOIN refunds r ON r.payment_id = p.id JOIN users u ON u.id = i.user_id JOIN outbox o ON o.invoice_id = i.id
JOIN inbox n ON n.subject_id = p.id
WHERE i.created_at > timestamptz '2024-11-15 12:00+00' ORDER BY i.id LIMIT 1
"""


@dataclass
class Asked:
    """The statements of one request."""

    seconds: float = 0.0
    statements: list[tuple[str, Any]] = field(default_factory=list)


class Meter:
    def __init__(self, engine: Engine) -> None:
        self.engine, self.asked, self._began = engine, Asked(), 0.0
        event.listen(engine, "before_cursor_execute", self._before)
        event.listen(engine, "after_cursor_execute", self._after)

    def fresh(self) -> Asked:
        self.asked = Asked()
        return self.asked

    def scanned(self, asked: Asked) -> list[str]:
        """Big tables that a statement reads from end to end."""
        found: dict[str, None] = {}
        self.fresh()  # these are not the request's
        with self.engine.connect() as connection:
            for statement, parameters in asked.statements:
                plan = "\n".join(row[0] for row in connection.exec_driver_sql(f"EXPLAIN {statement}", parameters))
                found |= dict.fromkeys(SCAN.findall(plan))
        return list(found)

    def _before(self, *_: object) -> None:
        self._began = time.perf_counter()

    def _after(self, _connection: object, _cursor: object, statement: str, parameters: Any, *_: object) -> None:
        self.asked.seconds += time.perf_counter() - self._began
        self.asked.statements.append((statement, parameters))


@contextmanager
def throw_away() -> Iterator[World]:
    name = f"matinee_bench_{uuid4().hex[:12]}"
    run_sql(f"CREATE DATABASE {name}")
    try:
        with TemporaryDirectory() as folder:
            keys.ensure(Path(folder))
            settings = settings_for(Path(folder), database_named(name))
            migrate(settings)
            world = World(settings)
            yield world
            world.close()
    finally:
        run_sql(f"DROP DATABASE {name} WITH (FORCE)")


def fill(world: World, invoices: int) -> dict[str, int]:
    """Answers how many rows each table has."""
    world.seed()
    values = {"users": max(4, invoices // PER_USER), "last": PER_USER - 1, "unsent": UNSENT}
    with world.app.app_context():
        with db.engine.begin() as connection:
            connection.execute(text(ID))
            for statement in (PLOT, *FILL):
                connection.execute(text(statement), {name: values[name] for name in values if f":{name}" in statement})
        with db.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            connection.execute(text("VACUUM ANALYZE"))
    return {table: world.count(table) for table in TABLES}


def pages(world: World) -> Iterator[tuple[str, str]]:
    """Name and address of everything that is measured."""
    sample = {name: str(value) for name, value in world.one(SAMPLE).items()}
    for kind, filters in FILTERS.items():
        yield f"{kind}, first", f"/admin/{kind}/"
        yield f"{kind}, middle", f"/admin/{kind}/?before={cursor(world, kind)}"
        yield f"{kind}, oldest", f"/admin/{kind}/?oldest=1"
        for asked in (one.format(**sample) for one in filters):
            yield f"{kind}: {asked}", f"/admin/{kind}/?{asked}"
    for kind in ("invoice", "payment", "refund"):
        yield f"one {kind}", f"/admin/{kind}s/{sample[kind]}"
    yield "the refund form", f"/admin/payments/{sample['payment']}/refund"
    for typed in SEARCHED:
        yield f"search: {typed}", f"/admin/search/?{urlencode({'q': typed.format(**sample)})}"


def cursor(world: World, table: str) -> str:
    """Of the row in the middle."""
    middle = world.one(f"SELECT id FROM {table} ORDER BY id OFFSET {world.count(table) // 2} LIMIT 1")  # noqa: S608 - our own name
    return base64.urlsafe_b64encode(json.dumps([str(middle["id"])]).encode()).decode().rstrip("=")


def measure(client: FlaskClient, meter: Meter, address: str) -> str:
    sql, whole, asked = [], [], Asked()
    for _ in range(TIMES + 1):
        asked, began = meter.fresh(), time.perf_counter()
        answer = client.get(address)
        whole.append(time.perf_counter() - began)
        sql.append(asked.seconds)
        if answer.status_code not in (200, 303):
            raise SystemExit(f"{address} answers {answer.status_code}: {answer.text[:500]}")
    scans = ", ".join(meter.scanned(asked)) or "none"
    times = (statistics.median(taken[1:]) * 1000 for taken in (sql, whole))
    return f"| {len(asked.statements)} | {' | '.join(f'{taken:.1f}' for taken in times)} | {scans} |"


def main(invoices: int) -> None:
    with throw_away() as world:
        began = time.perf_counter()
        counts = fill(world, invoices)
        print(f"Filled in {time.perf_counter() - began:.0f} s: {', '.join(f'{n:,} {t}' for t, n in counts.items())}.\n")
        client = world.browser("finance")
        with world.app.app_context():
            meter = Meter(db.engine)
        print("| page | statements | SQL, ms | whole, ms | big tables read from end to end |")
        print("|---|---:|---:|---:|---|")
        for name, address in pages(world):
            print(f"| {name} {measure(client, meter, address)}", flush=True)


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 200_000)
