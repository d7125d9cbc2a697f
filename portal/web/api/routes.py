"""Every room of the API; importing them hangs their paths on the blueprint."""

from __future__ import annotations

from portal.web.api import invoices, plans, purchases, subscriptions
from portal.web.api.blueprint import blueprint

ROOMS = (plans, purchases, invoices, subscriptions)

__all__ = ["ROOMS", "blueprint"]
