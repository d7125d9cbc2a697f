"""Saving a new payment method on a hosted page over nothing; renewals use it from then on."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from uuid import UUID

from sqlalchemy import select

from portal import failpoints, runtime
from portal.db import rows
from portal.db.session import atomic, db, end_reads
from portal.domain import methods
from portal.domain.asking import IN_FLIGHT, next_check, wants_review
from portal.domain.change import Change, Move, Write
from portal.domain.consent import Agreement, Consent
from portal.domain.errors import ConsentRequired, ProviderUnavailable
from portal.domain.ids import new_id
from portal.domain.method import PaymentMethod
from portal.domain.money import Money
from portal.domain.outcome import Decline, DeclineClass, Outcome
from portal.domain.purchasing import CONSENT_TEXT_VERSION
from portal.domain.setup import OPEN, MethodSetup
from portal.domain.user import Person
from portal.models.user import MethodSetupRow, PaymentMethodRow
from portal.providers.port import Answer, CheckoutOrder, Clues
from portal.services import choice, journal, standing, users
from portal.services.ask import Heard, heard
from portal.services.clues import customer_of
from portal.services.methods import held_by

RETRY_AFTER = timedelta(seconds=5)


def start(person: Person, agreement: Agreement, provider: str | None = None) -> str:
    """The address of the page on which the method is saved.

    Raises ConsentRequired, UnknownPaymentSystem, ProviderUnavailable.
    """
    if not agreement.renewal:
        raise ConsentRequired("saving a method means agreeing that renewals are charged to it")
    provider = choice.chosen_to_save(provider)
    _settle_what_ran_out(person)
    _close_elsewhere(person, provider)
    setup = _intend(person, agreement, provider)
    if setup.redirect_url is None:
        failpoints.reached("setup.intended")
        answer = _call(setup, agreement.locale)
        failpoints.reached("setup.answered")
        settle_setup(setup.id, answer)
        failpoints.reached("setup.settled")
        setup = _read(setup.id)
    if setup.state == "requires_action" and setup.redirect_url is not None:
        return setup.redirect_url
    raise ProviderUnavailable("no hosted page was opened", retry_after=RETRY_AFTER)


def ask_about_setup(setup_id: UUID) -> Heard:
    """What became of a page? One nobody was given the address of is given up."""
    setup = rows.find(MethodSetup, MethodSetupRow.id == setup_id)
    if setup is None or not setup.open or setup.sent_at is None:
        return Heard.told
    end_reads()
    answer = runtime.providers[setup.provider].find(setup.reference, Clues(sent_at=setup.sent_at))
    failpoints.reached("ask_setup.answered")
    if answer.outcome is Outcome.unknown and _is_over(setup, answer.absent):
        answer = replace(answer, outcome=Outcome.failed)
    settle_setup(setup_id, answer)
    return heard(answer)


def _is_over(setup: MethodSetup, absent: bool) -> bool:
    """Nobody can save a method on it any more; that is also taken for granted where nobody could tell for days."""
    now = runtime.clock.now()
    if absent and setup.redirect_url is None:
        return setup.sent_at is not None and now - setup.sent_at >= IN_FLIGHT
    return now >= setup.expires_at and (absent or wants_review(setup.checks + 1))


def settle_setup(setup_id: UUID, answer: Answer) -> None:
    """Write what the payment system said of a page; a saved method is used for every live subscription."""
    now = runtime.clock.now()
    with atomic():
        owner = _read(setup_id).user_id
        standing.lock_user(owner)
        setup = _read(setup_id)
        if setup.open:
            actor = f"provider:{setup.provider}"
            writes = _writes(setup, answer)
            journal.record([Change(owner, now, actor, tuple(writes), reason="method_saved")])
            method = next((write for write in writes if isinstance(write, PaymentMethod)), None)
            if method is not None:
                journal.record([methods.use(method, held_by(owner), now, actor, runtime.policy)])


def _writes(setup: MethodSetup, answer: Answer) -> list[Write]:
    now = runtime.clock.now()
    match answer.outcome:
        case Outcome.succeeded if answer.method is not None:
            same = PaymentMethodRow.provider == setup.provider, PaymentMethodRow.method_ref == answer.method.method_ref
            known = rows.find(PaymentMethod, *same)
            if known is not None:
                return [Move(setup, "succeeded", {"payment_method_id": known.id, "next_check_at": None})]
            method = PaymentMethod(
                id=new_id(now),
                user_id=setup.user_id,
                provider=setup.provider,
                customer_ref=answer.method.customer_ref,
                method_ref=answer.method.method_ref,
                kind=answer.method.kind,
                title=answer.method.title,
                expires=answer.method.expires,
                created_at=now,
            )
            return [method, Move(setup, "succeeded", {"payment_method_id": method.id, "next_check_at": None})]
        case Outcome.succeeded | Outcome.failed:
            code = answer.decline.code if answer.decline else "not_saved"
            return [Move(setup, "failed", {"decline_code": code, "next_check_at": None})]
        case Outcome.requires_action if setup.state == "unknown":
            there = {"redirect_url": answer.redirect_url, "next_check_at": next_check(now, 0)}
            return [Move(setup, "action_required", there)]
        case _:
            later = {"checks": setup.checks + 1, "next_check_at": next_check(now, setup.checks)}
            return [Move(setup, "asked", later)]


def _settle_what_ran_out(person: Person) -> None:
    """Perhaps its page was used in the last moment; if not, the next page is another one."""
    ran_out = MethodSetupRow.state.in_(OPEN), MethodSetupRow.expires_at <= runtime.clock.now()
    setup = rows.find(MethodSetup, MethodSetupRow.user_id == person.id, *ran_out)
    if setup is not None:
        ask_about_setup(setup.id)


def _close_elsewhere(person: Person, provider: str) -> None:
    """The customer chose another payment system than the one whose page is still open: that page is given up."""
    elsewhere = MethodSetupRow.state.in_(OPEN), MethodSetupRow.provider != provider
    setup = rows.find(MethodSetup, MethodSetupRow.user_id == person.id, *elsewhere)
    if setup is None:
        return
    end_reads()
    if setup.provider in runtime.providers:
        settle_setup(setup.id, runtime.providers[setup.provider].close_checkout(setup.reference))
    else:  # what is saved there cannot be charged here, and nobody can be asked
        settle_setup(setup.id, Answer(Outcome.failed, decline=Decline(DeclineClass.closed, "switched_off")))


def _intend(person: Person, agreement: Agreement, provider: str) -> MethodSetup:
    now = runtime.clock.now()
    with atomic():
        user = users.remember(person, None, None, now)
        setup = rows.find(MethodSetup, MethodSetupRow.user_id == user.id, MethodSetupRow.state.in_(OPEN))
        if setup is not None and (setup.redirect_url is not None or setup.provider != provider):
            if setup.provider == provider and now < setup.expires_at:
                return setup
            raise ProviderUnavailable("nobody could tell what became of the last page", retry_after=RETRY_AFTER)
        writes: list[Write] = []
        if setup is None:
            setup = _new(user.id, provider)
            writes = [setup, _consent(setup, agreement)]
        writes.append(Move(setup, "sent", {"sent_at": setup.sent_at or now, "next_check_at": now + IN_FLIGHT}))
        journal.record([Change(user.id, now, f"user:{user.id}", tuple(writes), reason="method_saved")])
        return _read(setup.id)


def _new(user_id: str, provider: str) -> MethodSetup:
    now = runtime.clock.now()
    return MethodSetup(
        id=new_id(now),
        user_id=user_id,
        provider=provider,
        state="created",
        created_at=now,
        modified_at=now,
        expires_at=now + runtime.policy.checkout_ttl,
    )


def _consent(setup: MethodSetup, agreement: Agreement) -> Consent:
    return Consent(
        id=new_id(setup.created_at),
        user_id=setup.user_id,
        kind="renewal",
        given=True,
        text_version=CONSENT_TEXT_VERSION,
        source=agreement.source,
        at=setup.created_at,
        locale=agreement.locale,
        address=agreement.address,
        user_agent=agreement.user_agent,
    )


def _call(setup: MethodSetup, locale: str) -> Answer:
    customer = customer_of(setup.provider, setup.user_id)
    end_reads()
    return runtime.providers[setup.provider].start_checkout(
        CheckoutOrder(
            reference=setup.reference,
            amount=Money.zero(runtime.policy.currency),
            description=runtime.settings.brand_name,
            user_id=setup.user_id,
            locale=locale,
            return_url=f"{runtime.settings.origin}/cabinet/methods",
            expires_at=setup.expires_at,
            save_method=True,
            customer_ref=customer,
        )
    )


def _read(setup_id: UUID) -> MethodSetup:
    setup = rows.find(MethodSetup, MethodSetupRow.id == setup_id)
    assert setup is not None  # noqa: S101 - callers read the id from the row
    return setup


def due(limit: int) -> list[UUID]:
    """Pages to ask about now."""
    waiting = MethodSetupRow.state.in_(OPEN), MethodSetupRow.next_check_at <= runtime.clock.now()
    found = list(db.session.scalars(select(MethodSetupRow.id).where(*waiting).limit(limit)))
    end_reads()
    return found
