"""A shop in front of the counterpart: what a portal and its customer do with Stripe."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from portal.domain.money import Money
from portal.providers.port import Answer, ChargeOrder, CheckoutOrder, RefundOrder, SavedMethod
from portal.providers.stripe.provider import StripeProvider
from tests.stripe_wire.server import GOOD, StripeWire

RETURN = "http://127.0.0.1:8000/payments/1"
PRICE = Money(59900, "RUB")
DECLINES_LATER = "4000 0000 0000 0341"
ALWAYS_ASKS = "4000 0027 6000 3184"


class Shop:
    def __init__(self, stripe: StripeWire, **more: Any) -> None:
        self.stripe = stripe
        self.provider: StripeProvider = stripe.provider(**more)

    def order(self, reference: str = "payment:1", **other: Any) -> CheckoutOrder:
        usual = {"amount": PRICE, "description": "Premium", "user_id": "alice", "locale": "ru", "return_url": RETURN}
        limits = {"expires_at": self.stripe.now() + timedelta(hours=2), "save_method": True}
        return CheckoutOrder(reference=reference, **{**usual, **limits, **other})

    def open_page(self, reference: str = "payment:1", **other: Any) -> str:
        url = self.provider.start_checkout(self.order(reference, **other)).redirect_url
        assert url is not None
        return url

    def buy(self, reference: str = "payment:1", card: str = GOOD, **other: Any) -> Answer:
        self.stripe.pay(self.open_page(reference, **other), card)
        return self.provider.find(reference)

    def saved(self, card: str = GOOD, user_id: str = "alice") -> SavedMethod:
        """The method that a purchase with this card leaves behind."""
        method = self.buy(f"payment:first:{user_id}", card, user_id=user_id).method
        assert method is not None
        return method

    def renewal(self, method: SavedMethod, reference: str = "payment:2", **other: Any) -> ChargeOrder:
        usual: dict[str, Any] = {"amount": PRICE, "description": "Renewal", "locale": "ru", "return_url": RETURN}
        whose = {"customer_ref": method.customer_ref, "method_ref": method.method_ref}
        return ChargeOrder(reference=reference, **{**usual, **whose, **other})

    def back(self, payment: Answer, minor: int, reference: str = "refund:1") -> RefundOrder:
        assert payment.provider_ref is not None
        return RefundOrder(reference, payment.provider_ref, Money(minor, "RUB"))

    def asked(self, operation: str) -> list[dict[str, Any]]:
        """The requests of an operation, as the book noted them."""
        return [row for row in self.stripe.book.requests() if row["operation"] == operation]
