"""The form with which subscribers are moved to another price, as it was sent."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from flask_babel import gettext

from portal import runtime
from portal.domain.plan import Price
from portal.web import own_words
from portal.web.admin import lists

SLACK = timedelta(minutes=1)  # a minute is what the field can say; this one has begun


@dataclass(frozen=True)
class MovePriceForm:
    to: str = ""
    starts_at: str = ""
    note: str = ""

    @classmethod
    def read(cls, sent: Mapping[str, str]) -> MovePriceForm:
        return cls(*(sent.get(name, "").strip() for name in ("to", "starts_at", "note")))

    def errors(self, targets: Sequence[Price]) -> dict[str, str]:
        """By field, in the order of the page."""
        found = {}
        if self.price(targets) is None:
            found["to"] = gettext("Choose one of the list")
        moment = self.moment()
        if moment is None:
            found["starts_at"] = gettext("Enter a day and a time")
        elif moment < runtime.clock.now() - SLACK:
            found["starts_at"] = gettext("What has begun keeps its price: choose a moment that is still to come")
        if wrong := own_words.error(self.note):
            found["note"] = wrong
        return found

    def price(self, targets: Sequence[Price]) -> UUID | None:
        return next((price.id for price in targets if str(price.id) == self.to), None)

    def moment(self) -> datetime | None:
        moment, now = lists.moment(self.starts_at), runtime.clock.now()
        return now if moment and now - SLACK <= moment < now else moment
