"""The back office, put together: Flask-Admin keeps its screens, their addresses and the menu; the screens are ours."""

from __future__ import annotations

from flask import Flask
from flask_admin import Admin
from flask_admin.theme import Theme

from portal.web.admin.activity import ActivityLog
from portal.web.admin.audits import Audits
from portal.web.admin.auth_rights import AuthRights
from portal.web.admin.customers import Customers
from portal.web.admin.disputes import Disputes
from portal.web.admin.history import History
from portal.web.admin.invoices import Invoices
from portal.web.admin.leaving import Leaving
from portal.web.admin.ledger import Ledger
from portal.web.admin.machinery import Machinery
from portal.web.admin.messages import Inbox, Outbox
from portal.web.admin.move_price import MovePrice
from portal.web.admin.overview import Overview
from portal.web.admin.parking import Parking
from portal.web.admin.payments import Payments
from portal.web.admin.plans import Plans
from portal.web.admin.refunds import Refunds
from portal.web.admin.search import Search
from portal.web.admin.subscriptions import Subscriptions

THEME = Theme(folder="admin", base_template="admin/base.html")
SCREENS = (
    Customers,
    Subscriptions,
    Parking,
    Leaving,
    Invoices,
    Payments,
    Refunds,
    Disputes,
    Ledger,
    Plans,
    MovePrice,
    Outbox,
    AuthRights,
    Inbox,
    Machinery,
    Audits,
    History,
    ActivityLog,
    Search,
)  # in the order of the menu, after the overview


def open_back_office(app: Flask) -> None:
    """No screen is a ModelView: those write by themselves, and count and offset whole tables."""
    admin = Admin(app, name="Matinee", url="/admin", index_view=Overview(), theme=THEME)
    for screen in SCREENS:
        admin.add_view(screen())
