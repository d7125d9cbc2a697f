"""What happens to a payment past us: its holder goes to the bank, or somebody refunds it at the payment system."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from portal.demo.sandbox import disputes, faults, refunds
from portal.demo.sandbox.faults import Stage
from portal.demo.sandbox.orders import DisputeOrder, HandRefundOrder
from tests.services.promise import uuid_of
from tests.world import World


def payment_of(world: World, invoice: UUID, state: str = "succeeded") -> UUID:
    found = world.rows("SELECT id, invoice_id FROM payments WHERE state = :state", state=state)
    return next(uuid_of(row["id"]) for row in found if uuid_of(row["invoice_id"]) == invoice)


def bank(world: World, payment: UUID, state: str = "open", amount: int | None = None) -> None:
    """The bank's word, and everything that follows from it."""
    quietly(world, payment, state, amount)
    world.drain()


def quietly(world: World, payment: UUID, state: str = "open", amount: int | None = None) -> None:
    """The bank's word, of which nothing has been delivered yet."""
    order = DisputeOrder(reference=f"payment:{payment}", state=state, amount=amount)
    with world.sandbox.book.write() as connection:
        disputes.move(connection, world.clock.now(), order)


def refund_by_hand(world: World, payment: UUID, amount: int | None = None, *, deliver: bool = True) -> None:
    """On the pages of the payment system."""
    order = HandRefundOrder(reference=f"payment:{payment}", amount=amount)
    with world.sandbox.book.write() as connection:
        twist = faults.take(connection, {Stage.work}, "refund", order.reference)
        refunds.by_hand(connection, world.clock.now(), order, twist)
    if deliver:
        world.drain()


def money(world: World, payment: UUID) -> tuple[int, int, int]:
    """Given back, reserved, disputed, by the payment's row."""
    (row,) = [row for row in world.rows("SELECT * FROM payments") if uuid_of(row["id"]) == payment]
    return row["refunded_minor"], row["reserved_minor"], row["disputed_minor"]


def disputed(world: World) -> list[tuple[str, int]]:
    return [(r["state"], r["amount_minor"]) for r in world.rows("SELECT * FROM disputes ORDER BY created_at, id")]


def made(world: World) -> list[tuple[str, str, int, str]]:
    """The refunds we know, oldest first: who began it, state, sum, what it does to access."""
    found: list[dict[str, Any]] = world.rows("SELECT * FROM refunds ORDER BY created_at, id")
    return [(row["reason"], row["state"], row["amount_minor"], row["effect"]) for row in found]
