"""What others say: the payment systems' books and Auth. The audit only reads what it is handed."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol


@dataclass(frozen=True)
class BookCharge:
    """A payment as the payment system has it. `amount` is what it really took, in minor units; 0: nothing."""

    reference: str  # ours: `payment:<id>`
    id: str  # theirs
    amount: int
    currency: str
    state: str  # `succeeded` is the only one in which money was taken


@dataclass(frozen=True)
class BookRefund:
    reference: str  # `refund:<id>` where we made it
    id: str
    payment_id: str  # theirs
    amount: int
    state: str  # succeeded | pending | failed


@dataclass(frozen=True)
class BookDispute:
    id: str
    payment_id: str  # theirs
    amount: int
    state: str  # open | won (the money is ours again) | lost


class ProviderBook(Protocol):
    """All that the payment systems hold for us, of every one that is switched on."""

    def charges(self) -> Iterable[BookCharge]: ...

    def refunds(self) -> Iterable[BookRefund]: ...

    def disputes(self) -> Iterable[BookDispute]: ...


# By the user's id: {version, tokens_from_version, entitlements: [{plan, features, until}]}.
AuthView = Callable[[str], Mapping[str, Any]]
