"""Every table, for whoever needs the whole schema: migrations, tests, the application."""

from __future__ import annotations

from portal.db.base import Base
from portal.models import activity, history, installation, invoice, messages, payment, plan, subscription, user

TABLES = (plan, user, subscription, invoice, payment, history, messages, activity, installation)
metadata = Base.metadata
