"""The form of a plan and that of a price, as they were sent."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from flask_babel import gettext

from portal import runtime
from portal.domain.calendar import Interval
from portal.domain.errors import InvalidAmount
from portal.domain.money import Money
from portal.domain.plan import Plan
from portal.domain.planning import LONGEST_TRIAL, PlanDraft
from portal.presentation.language import LOCALES
from portal.web.admin import lists
from portal.web.sums import read_sum

CODE = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*", re.ASCII)
FEATURES = re.compile(r"[a-z0-9_]+(\s*,\s*[a-z0-9_]+)*", re.ASCII)
NUMBER = re.compile(r"[0-9]{1,6}", re.ASCII)
SLACK = timedelta(minutes=1)  # a minute is what the field can say; this one has begun


@dataclass(frozen=True)
class PlanForm:
    code: str = ""
    group: str = "main"
    names: Mapping[str, str] = field(default_factory=dict)
    descriptions: Mapping[str, str] = field(default_factory=dict)
    features: str = ""
    interval: str = "month"
    interval_count: str = "1"
    position: str = "10"
    note: str = ""
    trial_days: str = "0"

    @classmethod
    def of(cls, plan: Plan) -> PlanForm:
        return cls(
            plan.code,
            plan.group,
            plan.names,
            plan.descriptions,
            ", ".join(plan.features),
            str(plan.interval),
            str(plan.interval_count),
            str(plan.position),
            trial_days=str(plan.trial_days),
        )

    @classmethod
    def read(cls, sent: Mapping[str, str], fixed: Plan | None) -> PlanForm:
        """`fixed`: a plan that was sold; what it was sold as is not asked for again."""
        base = cls.of(fixed) if fixed else cls()
        fields = ("code", "group", "features", "interval", "interval_count")
        typed = {name: getattr(base, name) if fixed else sent.get(name, "").strip() for name in fields}
        trial_days = base.trial_days if fixed else sent.get("trial_days", base.trial_days).strip()
        return cls(
            **typed,
            names={code: sent.get(f"name_{code}", "").strip() for code in LOCALES},
            descriptions={code: sent.get(f"description_{code}", "").strip() for code in LOCALES},
            position=sent.get("position", "").strip(),
            note=sent.get("note", "").strip(),
            trial_days=trial_days,
        )

    def errors(self) -> dict[str, str]:
        """By field, in the order of the page."""
        found = {}
        if not CODE.fullmatch(self.code) or len(self.code) > 64:
            found["code"] = gettext("Use lower-case letters, digits and hyphens, like premium-year")
        if not CODE.fullmatch(self.group) or len(self.group) > 64:
            found["group"] = gettext("Use lower-case letters, digits and hyphens, like main")
        for code in LOCALES:
            name, description = self.names.get(code, ""), self.descriptions.get(code, "")
            if not 1 <= len(name) <= 80 or not name.isprintable():
                found[f"name_{code}"] = gettext("Enter a name of at most 80 characters")
            if len(description) > 300 or "\x00" in description:
                found[f"description_{code}"] = gettext("Write at most %(n)s characters of plain text", n=300)
        if (self.features and not FEATURES.fullmatch(self.features)) or len(self.features) > 500:
            found["features"] = gettext("Write codes separated by commas, like library, uhd")
        if self.interval not in list(Interval):
            found["interval"] = gettext("Choose one of the list")
        if not self._number(self.interval_count, 1, 36):
            found["interval_count"] = gettext("Enter a whole number from %(least)s to %(most)s", least=1, most=36)
        if not self._number(self.trial_days, 0, LONGEST_TRIAL):
            found["trial_days"] = gettext(
                "Enter a whole number from %(least)s to %(most)s", least=0, most=LONGEST_TRIAL
            )
        if not self._number(self.position, 0, 999):
            found["position"] = gettext("Enter a whole number from %(least)s to %(most)s", least=0, most=999)
        return found

    def draft(self) -> PlanDraft:
        """Of a form without errors."""
        return PlanDraft(
            code=self.code,
            group=self.group,
            names=dict(self.names),
            descriptions={code: text for code, text in self.descriptions.items() if text},
            features=tuple(dict.fromkeys(word.strip() for word in self.features.split(",") if word.strip())),
            interval=Interval(self.interval),
            interval_count=int(self.interval_count),
            position=int(self.position),
            trial_days=int(self.trial_days),
        )

    @staticmethod
    def _number(text: str, least: int, most: int) -> bool:
        return NUMBER.fullmatch(text) is not None and least <= int(text) <= most


@dataclass(frozen=True)
class PriceForm:
    amount: str = ""
    currency: str = ""
    valid_from: str = ""  # "": at once
    note: str = ""

    @classmethod
    def read(cls, sent: Mapping[str, str]) -> PriceForm:
        return cls(*(sent.get(name, "").strip() for name in ("amount", "currency", "valid_from", "note")))

    def errors(self, currencies: Mapping[str, str]) -> dict[str, str]:
        found = {}
        if self.currency not in currencies:
            found["currency"] = gettext("Choose one of the list")
        else:
            try:
                if not self.sum():
                    found["amount"] = gettext("Enter a sum that is more than nothing")
            except InvalidAmount:
                found["amount"] = gettext("Enter a sum in figures, like 100.50")
        moment = self.moment()
        if moment is None:
            found["valid_from"] = gettext("Enter a day and a time")
        elif moment < runtime.clock.now() - SLACK:
            found["valid_from"] = gettext("A price cannot begin in the past")
        return found

    def sum(self) -> Money:
        """Raises InvalidAmount."""
        return read_sum(self.amount, self.currency)

    def moment(self) -> datetime | None:
        """As typed, in the portal's zone; None for what is no moment."""
        if not self.valid_from:
            return runtime.clock.now()
        moment, now = lists.moment(self.valid_from), runtime.clock.now()
        return now if moment and now - SLACK <= moment < now else moment
