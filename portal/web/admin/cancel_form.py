"""What an operator says about a cancelling: when it ends, and whether money goes back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from flask_babel import gettext

from portal.domain.cancelling import When
from portal.domain.money import EXPONENTS, Money
from portal.domain.refund import GIVING
from portal.domain.subscription import Subscription
from portal.services.operator_cancel import MoneyBack
from portal.web import own_words

RUNS = ("trialing", "active")  # these can go on until what was paid for is over; others end at once
LONGEST_SUM = 18  # digits


@dataclass(frozen=True)
class CancelForm:
    when: str = "period_end"
    money: str = "none"
    shown: Money | None = None  # what the page said the unused time comes to
    reason: str = ""
    note: str = ""

    @staticmethod
    def of(subscription: Subscription) -> CancelForm:
        return CancelForm(when="period_end" if may_wait(subscription) else "now")

    @staticmethod
    def read(form: Mapping[str, str]) -> CancelForm:
        return CancelForm(
            when=form.get("when", ""),
            money=form.get("money", "none"),
            shown=_sum(form.get("shown", ""), form.get("currency", "")),
            reason=form.get("reason", ""),
            note=form.get("note", "").strip(),
        )

    def errors(self) -> dict[str, str]:
        found = {}
        if self.when not in ("now", "period_end"):
            found["when"] = gettext("Choose when the subscription ends")
        if self.money not in ("none", "unused"):
            found["money"] = gettext("Choose whether money goes back")
        elif self.money == "unused" and self.when == "period_end":
            found["money"] = gettext("Unused time is paid back only where the subscription ends at once")
        if self.reason and self.reason not in GIVING:
            found["reason"] = gettext("Choose one of the list")
        if wrong := own_words.error(self.note):
            found["note"] = wrong
        return found

    @property
    def moment(self) -> When:
        return "now" if self.when == "now" else "period_end"

    @property
    def money_back(self) -> MoneyBack:
        return "unused" if self.money == "unused" else "none"


def may_wait(subscription: Subscription) -> bool:
    """There is a renewal to stop and paid time to keep."""
    return subscription.state in RUNS and subscription.auto_renew


def _sum(minor: str, currency: str) -> Money | None:
    digits = minor.isascii() and minor.isdigit() and len(minor) <= LONGEST_SUM
    return Money(int(minor), currency) if digits and currency in EXPONENTS else None
