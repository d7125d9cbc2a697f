"""Every table, for whoever needs the whole schema: migrations, tests, the application."""

from __future__ import annotations

from portal.db.base import Base
from portal.models import (
    activity,
    audit,
    history,
    installation,
    invoice,
    leaving,
    ledger,
    messages,
    payment,
    plan,
    quote,
    subscription,
    user,
)

TABLES = (
    plan,
    user,
    subscription,
    invoice,
    payment,
    history,
    messages,
    activity,
    installation,
    ledger,
    quote,
    audit,
    leaving,
)
metadata = Base.metadata
