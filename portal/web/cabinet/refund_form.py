"""The form with which a customer asks for money back, as it was sent."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from flask_babel import gettext

from portal.domain.errors import InvalidAmount
from portal.domain.money import Money
from portal.domain.offers import Offer
from portal.web import own_words
from portal.web.locale import money
from portal.web.sums import read_sum

OTHER = "other"
MINOR = re.compile(r"[0-9]{1,15}", re.ASCII)


@dataclass(frozen=True)
class RefundForm:
    choice: str = ""  # the kind of an offer, or `other`
    amount: str = ""
    comment: str = ""
    shown: Mapping[str, int] = field(default_factory=dict)  # minor units of each offer, as the page had them

    @classmethod
    def fresh(cls, offers: Sequence[Offer]) -> RefundForm:
        """Where there is only one thing to choose, it is chosen."""
        kinds = [offer.kind for offer in offers] or [OTHER]
        return cls(choice=kinds[0] if len(kinds) == 1 else "")

    @classmethod
    def read(cls, sent: Mapping[str, str]) -> RefundForm:
        shown = {name.removeprefix("shown_"): value for name, value in sent.items() if name.startswith("shown_")}
        return cls(
            choice=sent.get("choice", ""),
            amount=sent.get("amount", "").strip(),
            comment=sent.get("comment", "").strip().replace("\r\n", "\n"),
            shown={kind: int(value) for kind, value in shown.items() if MINOR.fullmatch(value)},
        )

    def errors(self, offers: Sequence[Offer], left: Money) -> dict[str, str]:
        """By field, in the order of the page."""
        found = {}
        offer = next((offer for offer in offers if offer.kind == self.choice), None)
        if self.choice == OTHER:
            if wrong := self._wrong_sum(left):
                found["amount"] = wrong
        elif offer is None:
            found["choice"] = gettext("Choose what you would like to have back")
        elif self._shrunk(offer):
            found["choice"] = gettext(
                "Time went on while the page was open: now it is %(sum)s. Nothing has been sent yet.",
                sum=money(offer.amount),
            )
        if wrong := own_words.error(self.comment):
            found["comment"] = wrong
        return found

    def sum(self, currency: str) -> Money:
        """Raises InvalidAmount."""
        return read_sum(self.amount, currency)

    def _wrong_sum(self, left: Money) -> str:
        try:
            asked = self.sum(left.currency)
        except InvalidAmount:
            return str(gettext("Enter a sum in figures, like 100.50"))
        if not asked:
            return str(gettext("Enter a sum that is more than nothing"))
        return str(gettext("At most %(sum)s can be returned", sum=money(left))) if asked > left else ""

    def _shrunk(self, offer: Offer) -> bool:
        """Kopecks run away while a page is read; more than a hundredth is another offer than the one that was taken."""
        shown = self.shown.get(offer.kind, offer.amount.minor)
        return offer.amount.minor < shown - shown // 100
