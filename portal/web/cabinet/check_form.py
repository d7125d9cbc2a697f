"""The check page's form as it was sent: the boxes, the count, the address for receipts."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from flask import request
from flask_babel import gettext

from portal.domain.consent import Agreement
from portal.domain.purchasing import MAX_COUNT
from portal.services.buy import BuyRequest
from portal.web.cabinet.numbers import whole
from portal.web.locale import language

ADDRESS = re.compile(r"[^@\s]+@[^@\s]+\.[^@\s]+")
LONGEST_ADDRESS = 254  # RFC 5321
LONGEST_AGENT = 300


@dataclass(frozen=True)
class CheckForm:
    count: int
    terms: bool = False
    personal_data: bool = False
    renewal: bool = False
    email: str = ""
    provider: str | None = None  # None: there was nothing to choose
    trial: bool = True  # the page shows one where there is one; its sum is what was agreed to

    @classmethod
    def read(cls, sent: Mapping[str, str]) -> CheckForm:
        """Raises InvalidRequest for a count that the page does not offer."""
        return cls(
            count=count_of(sent),
            terms="terms" in sent,
            personal_data="personal_data" in sent,
            renewal="renewal" in sent,
            email=sent.get("email", "").strip(),
            provider=sent.get("provider"),
            trial=sent.get("trial") == "yes",
        )

    def errors(self, needs_email: bool, begins_with_trial: bool = False) -> dict[str, str]:
        """By field, in the order of the page."""
        found = {}
        if (needs_email or self.email) and not is_address(self.email):
            found["email"] = gettext("Enter an e-mail address like name@example.com")
        if not self.terms:
            found["terms"] = gettext("Tick the box to accept the terms")
        if not self.personal_data:
            found["personal_data"] = gettext("Tick the box to consent to the processing of personal data")
        if begins_with_trial and not self.renewal:
            found["renewal"] = gettext("Tick the box to start the trial, or buy without it")
        return found

    def request(self, code: str) -> BuyRequest:
        agreement, email = self._agreement(), self.email or None
        return BuyRequest(
            code, self.count, agreement, email=email, locale=language(), provider=self.provider, trial=self.trial
        )

    def _agreement(self) -> Agreement:
        return Agreement(
            terms=self.terms,
            personal_data=self.personal_data,
            renewal=self.renewal,
            source="cabinet",
            locale=language(),
            address=request.remote_addr,
            user_agent=request.user_agent.string[:LONGEST_AGENT] or None,
        )


def count_of(sent: Mapping[str, str]) -> int:
    return whole(sent, "count", default=1, most=MAX_COUNT)


def is_address(text: str) -> bool:
    return len(text) <= LONGEST_ADDRESS and text.isprintable() and ADDRESS.fullmatch(text) is not None
