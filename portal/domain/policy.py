"""The rules an installation may set, as the domain reads them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta


@dataclass(frozen=True)
class Policy:
    zone: str = "Europe/Moscow"
    currency: str = "RUB"
    grace_days: int = 7
    checkout_ttl_minutes: int = 24 * 60
    dunning_retry_days: tuple[int, ...] = (1, 3, 6, 10, 13)
    give_up_days: int = 14
    refund_window_days: int = 14
    refund_policy: str = "auto"  # auto: the two offers are sent at once; manual: an operator looks first
    refund_answer_days: int = 10  # within which a sum that an operator looks at is answered
    charges_per_day: int = 3  # scheduled ones of a subscription that reached the bank; the next one parks it
    charges_per_run: int = 100_000  # scheduled ones of one run of `renew`; what is due beyond is parked

    @property
    def checkout_ttl(self) -> timedelta:
        return timedelta(minutes=self.checkout_ttl_minutes)
