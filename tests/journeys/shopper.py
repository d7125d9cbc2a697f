"""Somebody who uses the demo from outside, over HTTP: their browser, their app, another service."""

from __future__ import annotations

import base64
import json
from typing import Any
from uuid import uuid4

import httpx

from tests.journeys.waiting import until
from tests.world import GOOD_CARD


class Shopper:
    def __init__(self, origin: str, login: str) -> None:
        self.login = login
        self.http = httpx.Client(base_url=origin, timeout=10, trust_env=False)
        tokens = self.http.post("/auth/token", json={"login": login}).raise_for_status().json()
        self.access, self._refresh = str(tokens["access_token"]), str(tokens["refresh_token"])

    def refresh(self) -> None:
        tokens = self.http.post("/auth/refresh", json={"refresh_token": self._refresh}).raise_for_status().json()
        self.access = str(tokens["access_token"])

    @property
    def claims(self) -> dict[str, Any]:
        """Of the token in hand, as a client reads them; nobody checks the signature here."""
        body = self.access.split(".")[1]
        read: dict[str, Any] = json.loads(base64.urlsafe_b64decode(body + "=" * (-len(body) % 4)))
        return read

    def get(self, path: str, token: str | None = None) -> httpx.Response:
        return self.http.get(path, headers={"Authorization": f"Bearer {token or self.access}"})

    def check(self, token: str | None = None) -> int:
        """What Auth says of a token."""
        return self.get("/auth/check", token).status_code

    def order(self, plan: str, key: str | None = None) -> httpx.Response:
        headers = {"Authorization": f"Bearer {self.access}", "Idempotency-Key": key or str(uuid4())}
        return self.http.post("/api/v1/purchases", json={"product_id": plan, "product_count": 1}, headers=headers)

    def pay(self, redirect_url: str, card: str = GOOD_CARD) -> httpx.Response:
        return self.http.post(redirect_url, data={"card_number": card, "expiry": "12/34", "cvc": "123"})

    def state(self, guid: str) -> str:
        return str(self.get(f"/api/v1/invoices/{guid}").raise_for_status().json()["state"])

    def buy(self, plan: str, seconds: float = 150) -> str:
        """Order and pay, again where nobody answers, until the invoice is paid; answers the invoice."""
        key = str(uuid4())
        order = until(lambda: self._insist(plan, key), seconds, f"{self.login} can order", every=1.0)
        until(lambda: self._take(order["redirect_url"]), seconds, f"{self.login} can pay")
        guid = str(order["invoice_guid"])
        until(lambda: self._is_paid(guid), seconds, f"{self.login}'s invoice is paid")
        return guid

    def _insist(self, plan: str, key: str) -> dict[str, Any]:
        """The same key says that it is the same order."""
        try:
            answer = self.order(plan, key)
        except httpx.TransportError:
            return {}
        assert answer.status_code in (200, 409, 429, 503), answer.text
        return dict(answer.json()) if answer.status_code == 200 else {}

    def _take(self, redirect_url: str) -> bool:
        """What is paid already sends back to the shop as well."""
        try:
            return self.pay(redirect_url).status_code == 303
        except httpx.TransportError:
            return False

    def _is_paid(self, guid: str) -> bool:
        try:
            return self.state(guid) == "paid"
        except httpx.TransportError:
            return False

    def close(self) -> None:
        self.http.close()
