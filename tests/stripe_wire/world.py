"""The portal with Stripe switched on by its settings, and the counterpart on the other end of a real socket."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path

import httpx

from portal.config import Settings
from portal.demo.transport import InProcess
from tests.stripe_wire.server import API_KEY, SECRET, StripeWire, serving
from tests.world import GOOD_CARD, START, World


class StripeWorld(World):
    def __init__(self, settings: Settings, stripe: StripeWire) -> None:
        super().__init__(settings)
        self.stripe = stripe
        self.deliverer.close()
        self.deliverer = stripe.teller("http://portal.test/webhooks/stripe", InProcess(self.app, mount=""))

    def pay(self, redirect_url: str, card: str = GOOD_CARD, client: object = None) -> httpx.Response:
        """Send the hosted page's form."""
        return self.stripe.pay(redirect_url, card)


@contextmanager
def stripe_world(folder: Path, make_settings: Callable[..., Settings]) -> Iterator[StripeWorld]:
    """`make_settings` is given what Stripe needs; both sides tell the time by the portal's clock."""
    moving: list[StripeWorld] = []

    def now() -> datetime:
        return moving[0].clock.now() if moving else START

    with serving(folder, now=now) as stripe:
        keys = {"stripe_api_key": API_KEY, "stripe_webhook_secret": SECRET, "stripe_api_base": stripe.base_url}
        world = StripeWorld(make_settings(payment_providers="stripe", **keys), stripe)
        moving.append(world)
        try:
            world.seed()
            yield world
        finally:
            world.close()
