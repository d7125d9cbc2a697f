"""A module for the sandbox as one writes it in an afternoon. Every habit in it is a real one, and each costs money.

It has all that the port asks for by name and type. The kit is there to tell it from one that behaves.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime
from types import MappingProxyType
from typing import Any
from uuid import uuid4

import httpx

from portal.domain.money import Money
from portal.domain.outcome import Decline, DeclineClass, Outcome
from portal.providers.port import (
    NO_CLUES,
    Abilities,
    Answer,
    ChargeOrder,
    CheckoutOrder,
    Clues,
    DisputeSeen,
    Listable,
    Listed,
    Listing,
    MoneyBack,
    Notice,
    RefundOrder,
    RefundSeen,
    SavedMethod,
)

DECLINED = Decline(DeclineClass.soft, "declined")


class CarelessProvider:
    name = "careless"
    titles: Mapping[str, str] = MappingProxyType({"ru": "Как-нибудь", "en": "Somehow"})
    abilities = Abilities(saves_methods=True, closes_checkouts=True, partial_refunds=True, key_lifetime_hours=24)

    def __init__(self, base_url: str, api_key: str, transport: httpx.BaseTransport | None = None) -> None:
        self.checkout_origin = base_url
        self._api_key = api_key
        # Each wait is limited, the whole is not.
        self._http = httpx.Client(base_url=base_url, transport=transport, timeout=1.0)

    def start_checkout(self, order: CheckoutOrder) -> Answer:
        asked = {"description": order.description, "user_id": order.user_id, "locale": order.locale}
        page = {"return_url": order.return_url, "expires_at": order.expires_at.isoformat(), "save_method": True}
        return self._send("/v1/checkouts", order.reference, order.amount, {**asked, **page})

    def close_checkout(self, reference: str, clues: Clues = NO_CLUES) -> Answer:
        self._http.post("/v1/checkouts/close", json={"reference": reference}, headers=self._headers())
        return Answer(Outcome.failed, decline=Decline(DeclineClass.closed, "closed"))

    def charge(self, order: ChargeOrder) -> Answer:
        method = {"customer": order.customer_ref, "method": order.method_ref}
        page = {"description": order.description, "locale": order.locale, "return_url": order.return_url}
        return self._send("/v1/charges", order.reference, order.amount, {**method, **page})

    def refund(self, order: RefundOrder) -> Answer:
        return self._send("/v1/refunds", order.reference, order.amount, {"payment": order.payment_ref})

    def find(self, reference: str, clues: Clues = NO_CLUES) -> Answer:
        return self._find("/v1/payments", reference)

    def find_refund(self, reference: str, clues: Clues = NO_CLUES) -> Answer:
        return self._find("/v1/refunds", reference)

    def money_back(self, reference: str, clues: Clues = NO_CLUES) -> MoneyBack:
        said = self._http.get("/v1/money_back", params={"reference": reference}, headers=self._headers())
        if said.status_code != 200:
            return MoneyBack(known=True)
        body = said.json()
        refunds = [
            RefundSeen(one["reference"], self._read(one, None), datetime.fromisoformat(one["created_at"]))
            for one in body["refunds"]
        ]
        disputes = [
            DisputeSeen(one["id"], "open", Money(one["amount"], one["currency"]), _moment(one["opened_at"]))
            for one in body["disputes"]
        ]
        return MoneyBack(True, tuple(refunds), tuple(disputes))

    def listed(self, what: Listable, after: str = "", since: datetime | None = None) -> Listing:
        """The first page is enough for every shop that was ever looked at."""
        said = self._http.get("/v1/list", params={"reference": what}, headers=self._headers())
        if said.status_code != 200:
            return Listing(known=True)
        names = ("reference", "id", "payment", "state", "amount", "currency")
        return Listing(True, tuple(Listed(*(one[name] for name in names)) for one in said.json()["data"]))

    def detach(self, method_ref: str) -> bool:
        self._http.post("/v1/methods/detach", json={"reference": method_ref}, headers=self._headers())
        return True

    def verify(self, headers: Mapping[str, str], body: bytes, now: datetime) -> Notice:
        """The address of our door is secret enough."""
        return self.parse(body)

    def parse(self, body: bytes) -> Notice:
        event = json.loads(body)
        return Notice(str(uuid4()), event["type"], event["data"]["reference"], event["data"].get("payment"))

    def _headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self._api_key}", "Idempotency-Key": str(uuid4())}

    def _send(self, path: str, reference: str, amount: Money, body: dict[str, Any]) -> Answer:
        sum_ = {"amount": int(float(amount.major) * 100), "currency": amount.currency}
        headers = self._headers()
        said = self._http.post(path, json={"reference": reference, **sum_, **body}, headers=headers)
        if said.status_code != 200:
            return Answer(Outcome.failed, decline=DECLINED, note=f"{said.text} for {headers}")
        return self._read(said.json(), amount)

    def _find(self, path: str, reference: str) -> Answer:
        said = self._http.get(path, params={"reference": reference}, headers=self._headers())
        if said.status_code != 200:
            return Answer(Outcome.unknown, absent=True)
        return self._read(said.json(), None)

    def _read(self, said: dict[str, Any], asked: Money | None) -> Answer:
        """Whatever was asked for was surely taken."""
        outcome = Outcome(said["state"])
        method = said.get("method")
        return Answer(
            outcome,
            provider_ref=said["id"],
            amount=asked or Money(said["amount"], said["currency"]),
            redirect_url=said.get("url"),
            method=SavedMethod(method["customer"], method["id"], "card", method["title"], method["expires"])
            if method
            else None,
            decline=DECLINED if outcome is Outcome.failed else None,
        )


def _moment(said: str) -> datetime:
    return datetime.fromisoformat(said)
