"""The form with which an operator gives money back, as it was sent."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import cast

from flask_babel import gettext

from portal.domain.errors import InvalidAmount, InvalidRequest
from portal.domain.money import Money
from portal.domain.offers import Offer
from portal.domain.refund import GIVING
from portal.domain.refund_effects import Effect
from portal.queries.office.payments import PaymentFile
from portal.web import own_words
from portal.web.locale import money
from portal.web.sums import read_sum

OTHER = "other"
MINOR = re.compile(r"[0-9]{1,15}", re.ASCII)


@dataclass(frozen=True)
class GivingForm:
    choice: str = ""  # all | unused | other
    amount: str = ""
    reason: str = ""
    effect: str = ""
    note: str = ""
    left: str = ""  # minor units that could be given back, as the page said
    unused: str = ""  # and what the unused part came to
    back: str = ""

    @classmethod
    def fresh(cls, file: PaymentFile, back: str) -> GivingForm:
        """Nothing is chosen beforehand, except where there is nothing to choose."""
        possible = effects(file)
        return cls(effect=possible[0] if len(possible) == 1 else "", back=back)

    @classmethod
    def read(cls, sent: Mapping[str, str]) -> GivingForm:
        return cls(
            choice=sent.get("choice", ""),
            amount=sent.get("amount", "").strip(),
            reason=sent.get("reason", ""),
            effect=sent.get("effect", ""),
            note=sent.get("note", "").strip().replace("\r\n", "\n"),
            left=sent.get("left", ""),
            unused=sent.get("unused", ""),
            back=sent.get("back", ""),
        )

    def errors(self, file: PaymentFile, offer: Offer | None) -> dict[str, str]:
        """By field, in the order of the page. Whether the sum is still there is the service's to say."""
        found = self._sum_errors(file.payment.currency, offer)
        if self.reason not in GIVING:
            found["reason"] = gettext("Choose a reason")
        if self.effect not in effects(file):
            found["effect"] = gettext("Choose what happens to access")
        if wrong := own_words.error(self.note):
            found["note"] = wrong
        return found

    def amount_of(self, currency: str) -> Money:
        """Raises InvalidAmount, InvalidRequest."""
        match self.choice:
            case "all":
                return self.shown_left(currency)
            case "unused":
                return shown(self.unused, currency)
        return read_sum(self.amount, currency)

    def shown_left(self, currency: str) -> Money:
        """What the page said can be given back. Raises InvalidRequest."""
        return shown(self.left, currency)

    @property
    def grounds(self) -> str | None:
        return self.reason if self.reason in GIVING else None

    def effect_of(self) -> Effect:
        return cast(Effect, self.effect)

    def sum_field(self) -> str:
        """Where on the page the sum was said."""
        return "amount" if self.choice == OTHER else "choice"

    def _sum_errors(self, currency: str, offer: Offer | None) -> dict[str, str]:
        match self.choice:
            case "all":
                return {}
            case "unused":
                return self._unused_error(currency, offer)
            case "other":
                wrong = self._wrong_sum(currency)
                return {"amount": wrong} if wrong else {}
        return {"choice": gettext("Choose how much to give back")}

    def _unused_error(self, currency: str, offer: Offer | None) -> dict[str, str]:
        """Time runs away while a page is read: what was shown is good as long as it is for customers."""
        if offer is None:
            return {"choice": gettext("There is no unused part any more. Nothing was sent.")}
        if offer.is_meant_by(shown(self.unused, currency)):
            return {}
        return {
            "choice": gettext(
                "Time went on while the page was open: now it is %(sum)s. Nothing was sent.", sum=money(offer.amount)
            )
        }

    def _wrong_sum(self, currency: str) -> str:
        try:
            asked = read_sum(self.amount, currency)
        except InvalidAmount:
            return str(gettext("Enter a sum in figures, like 100.50"))
        if not asked:
            return str(gettext("Enter a sum that is more than nothing"))
        most = self.shown_left(currency)
        return str(gettext("At most %(sum)s can be given back", sum=money(most))) if asked > most else ""


def effects(file: PaymentFile) -> tuple[str, ...]:
    """What giving this money back can do to access: nothing, where it bought no time that still runs."""
    renews = file.subscription.state == "active" and file.subscription.auto_renew
    if file.better:
        return ("old_plan", "period_end", "keep") if renews else ("old_plan", "keep")
    if not file.buys_time:
        return ("keep",)
    return ("end_now", "period_end", "keep") if renews else ("end_now", "keep")


def shown(text: str, currency: str) -> Money:
    if MINOR.fullmatch(text) is None:
        raise InvalidRequest("the form carries no sum that was shown")
    return Money(int(text), currency)
