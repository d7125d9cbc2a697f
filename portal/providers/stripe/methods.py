"""A saved method at Stripe: whose it is by now, and letting it go."""

from __future__ import annotations

from typing import Final

import httpx

from portal.providers.stripe.client import Client

NOBODY: Final = ""


def detach(client: Client, method_ref: str) -> bool:
    """That it was detached before is refused in a sentence, without a code: it is asked for instead."""
    heard = client.hear(lambda stripe: stripe.payment_methods.detach(method_ref))
    if heard.status == httpx.codes.BAD_REQUEST:
        return owner(client, method_ref) == NOBODY
    return heard.ok or heard.missing


def owner(client: Client, method_ref: str) -> str | None:
    """The customer that it is attached to; NOBODY also where there is no such method. None: nobody could tell."""
    heard = client.hear(lambda stripe: stripe.payment_methods.retrieve(method_ref))
    if heard.missing:
        return NOBODY
    if not heard.ok or heard.body.get("id") != method_ref or "customer" not in heard.body:
        return None
    customer = heard.body["customer"]
    if customer is None:
        return NOBODY
    return customer if isinstance(customer, str) and customer else None
