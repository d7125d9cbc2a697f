"""An operator has a payment system asked about a payment now."""

from __future__ import annotations

from uuid import UUID

from portal import failpoints, runtime
from portal.db.session import atomic
from portal.domain.act import Act
from portal.domain.errors import NotAskable
from portal.domain.payment import Payment
from portal.services import activity, standing
from portal.services.ask import Heard, ask
from portal.services.disputes import ask_about_money_back


def ask_again(act: Act, payment_id: UUID) -> Heard:
    """Whatever it answers is settled as if it had told by itself. Raises NotFound, AlreadyDone, NotAskable."""
    with atomic():
        _, _, payment = standing.lock_payment(payment_id)
        activity.refuse_repeat(act)
        refuse_settled(payment)
        activity.log(
            act,
            "payment.ask",
            "payment",
            payment_id,
            user_id=payment.user_id,
            before={"state": payment.state, "review_at": payment.review_at, "absent_at": payment.absent_at},
            after={"asked_at": runtime.clock.now()},
        )
    failpoints.reached("ask_again.logged")
    said = ask(payment_id)
    if payment.in_question:
        ask_about_money_back(payment_id)  # what the webhooks of the meantime were about
    return said


def refuse_settled(payment: Payment) -> None:
    """Raises NotAskable."""
    if not payment.askable:
        raise NotAskable(f"the payment is {payment.state}")
