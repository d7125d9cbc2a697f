"""Every room of the API; importing them hangs their paths on the blueprint."""

from __future__ import annotations

from portal.web.api import changes, document, entitlements, invoices, plans, purchases, refunds, subscriptions
from portal.web.api.blueprint import blueprint

ROOMS = (plans, purchases, invoices, refunds, subscriptions, changes, entitlements, document)

__all__ = ["ROOMS", "blueprint"]
