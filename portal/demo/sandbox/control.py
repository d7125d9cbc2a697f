"""What a test or a simulation turns and reads: the fault plan, the cardholder's bank, the book."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any

from flask import Blueprint, Response, jsonify, request

from portal.demo.sandbox import disputes, due, faults, orders, refunds
from portal.demo.sandbox.access import only_for
from portal.demo.sandbox.book import Book
from portal.demo.sandbox.faults import FaultOrder, Stage
from portal.demo.sandbox.orders import DisputeOrder, HandRefundOrder

Answered = tuple[Response, int]


def blueprint(book: Book, now: Callable[[], datetime], api_key: str) -> Blueprint:
    control = Blueprint("control", __name__, url_prefix="/v1")
    only_for(control, api_key)

    @control.post("/test/faults")
    def plan_fault() -> Answered:
        order = orders.read(FaultOrder, request.get_data())
        with book.write() as conn:
            faults.add(conn, order)
        return jsonify(planned=order.name, times=order.times), 201

    @control.delete("/test/faults")
    def forget_faults() -> Answered:
        with book.write() as conn:
            faults.forget_all(conn)
        return jsonify(planned=None), 200

    @control.post("/test/disputes")
    def dispute() -> Answered:
        order = orders.read(DisputeOrder, request.get_data())
        with book.write() as conn:
            return jsonify(disputes.move(conn, now(), order)), 200

    @control.post("/test/refunds")
    def refund_by_hand() -> Answered:
        order = orders.read(HandRefundOrder, request.get_data())
        with book.write() as conn:
            twist = faults.take(conn, {Stage.work}, "refund", order.reference)
            return jsonify(refunds.as_json(refunds.by_hand(conn, now(), order, twist))), 200

    @control.get("/book")
    def show_book() -> Answered:
        due.catch_up(book, now())
        listed = {
            "payments": [_wire(row, "amount", "taken", "currency") for row in book.payments()],
            "refunds": [_wire(row, "payment_id", "amount", "currency") for row in book.refunds()],
            "disputes": [_wire(row, "payment_id", "amount", "currency") for row in book.disputes()],
        }
        return jsonify(listed), 200

    return control


def _wire(row: dict[str, Any], *names: str) -> dict[str, Any]:
    return {name: row[name] for name in ("id", "reference", "state", *names)}
