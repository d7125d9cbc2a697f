"""What a simulated cinema sells beside the demo's plans: weeks, a trial, currencies with no and with three decimals."""

from __future__ import annotations

from portal import runtime
from portal.db import rows
from portal.demo.seed import seed
from portal.domain.act import Act
from portal.domain.calendar import Interval
from portal.domain.ids import new_id
from portal.domain.money import Money
from portal.domain.plan import Plan
from portal.domain.planning import PlanDraft
from portal.models.plan import PlanRow
from portal.services import plans

MORE = (
    ("weekly", Interval.week, 0, {"RUB": 9900, "USD": 149, "JPY": 150, "KWD": 550}),
    ("try-month", Interval.month, 7, {"RUB": 34900, "USD": 449, "JPY": 600, "KWD": 1450}),
)
ABROAD = {
    "standard": {"JPY": 550, "KWD": 1250},
    "premium": {"JPY": 990, "KWD": 2150},
    "premium-year": {"JPY": 9900, "KWD": 21505},
    "sport": {"JPY": 490, "KWD": 1105},
}


def put_on_sale() -> None:
    seed()
    for position, (code, interval, trial_days, prices) in enumerate(MORE, start=10):
        plan_id = plans.create(_press(), _draft(code, interval, trial_days, position))
        for currency, minor in prices.items():
            plans.add_price(_press(), plan_id, Money(minor, currency), runtime.clock.now())
        plans.put_on_sale(_press(), plan_id)
    for code, prices in ABROAD.items():
        plan = rows.find(Plan, PlanRow.code == code)
        assert plan is not None  # noqa: S101 - seeded above
        for currency, minor in prices.items():
            plans.add_price(_press(), plan.id, Money(minor, currency), runtime.clock.now())


def _draft(code: str, interval: Interval, trial_days: int, position: int) -> PlanDraft:
    words = {"ru": code, "en": code}
    return PlanDraft(code, "main", words, words, ("library",), interval, 1, position, trial_days)


def _press() -> Act:
    made = new_id(runtime.clock.now())
    return Act(made, "olga", made.hex, "192.0.2.9")
