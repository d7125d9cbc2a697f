"""The two forms with which an operator decides about what a customer asked for, as they were sent."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import cast

from flask_babel import gettext

from portal.domain.money import Money
from portal.domain.refund import REFUSING
from portal.domain.refund_effects import Effect
from portal.queries.office.refunds import RefundFile
from portal.web import own_words
from portal.web.admin import giving_form


@dataclass(frozen=True)
class ApprovalForm:
    effect: str = ""
    note: str = ""
    left: str = ""  # minor units that could be given back beside it, as the page said
    back: str = ""

    @classmethod
    def fresh(cls, file: RefundFile, back: str) -> ApprovalForm:
        """An offer says itself what it does; else nothing is chosen beforehand, unless there is one thing only."""
        possible = effects(file)
        return cls(effect=possible[0] if len(possible) == 1 or file.refund.offer else "", back=back)

    @classmethod
    def read(cls, sent: Mapping[str, str]) -> ApprovalForm:
        return cls(sent.get("effect", ""), note_of(sent), sent.get("left", ""), sent.get("back", ""))

    def errors(self, file: RefundFile) -> dict[str, str]:
        found = {} if self.effect in effects(file) else {"effect": gettext("Choose what happens to access")}
        return found | _note_errors(self.note)

    def shown_left(self, currency: str) -> Money:
        """Raises InvalidRequest."""
        return giving_form.shown(self.left, currency)

    def effect_of(self) -> Effect:
        return cast(Effect, self.effect)


@dataclass(frozen=True)
class RefusalForm:
    reason: str = ""
    note: str = ""
    back: str = ""

    @classmethod
    def read(cls, sent: Mapping[str, str]) -> RefusalForm:
        return cls(sent.get("reason", ""), note_of(sent), sent.get("back", ""))

    @property
    def grounds(self) -> str | None:
        return self.reason if self.reason in REFUSING else None

    def errors(self) -> dict[str, str]:
        found = {} if self.grounds else {"reason": gettext("Choose a reason")}
        return found | _note_errors(self.note)


def effects(file: RefundFile) -> tuple[str, ...]:
    """What approving can do to access, first what the customer was offered."""
    possible = giving_form.effects(file.paid)
    promised = file.refund.effect
    if file.refund.offer is None or not (file.paid.buys_time or file.paid.better):
        return possible
    return (promised, *(one for one in possible if one != promised))


def note_of(sent: Mapping[str, str]) -> str:
    return sent.get("note", "").strip().replace("\r\n", "\n")


def _note_errors(note: str) -> dict[str, str]:
    wrong = own_words.error(note)
    return {"note": wrong} if wrong else {}
