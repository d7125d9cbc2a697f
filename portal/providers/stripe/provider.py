"""Stripe behind the port. It translates, and decides nothing."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from types import MappingProxyType
from typing import Final

import httpx

from portal.providers.port import (
    NO_CLUES,
    Abilities,
    Answer,
    ChargeOrder,
    CheckoutOrder,
    Clues,
    Listable,
    Listing,
    MoneyBack,
    Notice,
    RefundOrder,
)
from portal.providers.stripe import charge, checkout, closing, events, finding, listing, methods, refunds, webhooks
from portal.providers.stripe.amounts import SMALLEST
from portal.providers.stripe.client import Account

API: Final = "https://api.stripe.com"
LIVE: Final = ("sk_live_", "rk_live_")


class StripeProvider:
    name = "stripe"
    titles: Mapping[str, str] = MappingProxyType({"ru": "Картой через Stripe", "en": "By card through Stripe"})
    abilities = Abilities(
        saves_methods=True, closes_checkouts=True, partial_refunds=True, key_lifetime_hours=24, smallest=SMALLEST
    )

    def __init__(
        self,
        api_key: str,
        webhook_secret: str,
        now: Callable[[], datetime],
        api_base: str = "",
        transport: httpx.BaseTransport | None = None,
        deadline: float = 10.0,
    ) -> None:
        """`webhook_secret`: several with commas between, while one is being replaced by another.

        `deadline` is the seconds one call over a wire may last, with all the requests that it takes.
        """
        self._secrets = [secret.strip().encode() for secret in webhook_secret.split(",") if secret.strip()]
        if not self._secrets:
            raise ValueError("webhooks are believed for their signature: the secret must not be empty")
        self._live = api_key.startswith(LIVE)
        self._now = now
        self._account = Account(api_key, api_base or API, transport, deadline)
        self.checkout_origin = _origin(api_base) if api_base else checkout.PAGES

    def start_checkout(self, order: CheckoutOrder) -> Answer:
        return checkout.start(self._account.client(), order, self._now())

    def close_checkout(self, reference: str, clues: Clues = NO_CLUES) -> Answer:
        return closing.close(self._account.client(), reference, clues)

    def charge(self, order: ChargeOrder) -> Answer:
        return charge.charge(self._account.client(), order)

    def refund(self, order: RefundOrder) -> Answer:
        return refunds.refund(self._account.client(), order)

    def find(self, reference: str, clues: Clues = NO_CLUES) -> Answer:
        return finding.find(self._account.client(), reference, clues)

    def find_refund(self, reference: str, clues: Clues = NO_CLUES) -> Answer:
        return refunds.find_refund(self._account.client(), reference, clues)

    def money_back(self, reference: str, clues: Clues = NO_CLUES) -> MoneyBack:
        return refunds.money_back(self._account.client(), reference, clues)

    def listed(self, what: Listable, after: str = "", since: datetime | None = None) -> Listing:
        return listing.listed(self._account.client(), what, after, since)

    def detach(self, method_ref: str) -> bool:
        return methods.detach(self._account.client(), method_ref)

    def verify(self, headers: Mapping[str, str], body: bytes, now: datetime) -> Notice:
        webhooks.prove(headers, body, self._secrets, now)
        webhooks.refuse_other_mode(body, self._live)
        return self.parse(body)

    def parse(self, body: bytes) -> Notice:
        return events.read(body)


def _origin(url: str) -> str:
    parts = httpx.URL(url)
    return f"{parts.scheme}://{parts.netloc.decode()}"
