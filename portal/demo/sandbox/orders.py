"""The bodies of the API's calls, checked before anything is done or remembered."""

from __future__ import annotations

import re
from typing import Annotated, Self, TypeVar
from urllib.parse import urlsplit

from pydantic import AfterValidator, AwareDatetime, BaseModel, ConfigDict, Field, ValidationError, model_validator

from portal.demo.sandbox.refusal import invalid
from portal.demo.sandbox.words import language
from portal.domain.money import EXPONENTS, MAX_MINOR

# What may stand in a Content-Security-Policy as the place a form leads to.
ORIGIN = re.compile(r"https?://[A-Za-z0-9.-]+(:\d{1,5})?")


def _plain_text(value: str) -> str:
    """No NUL, which PostgreSQL does not store, and no half of a surrogate pair, which nothing can encode."""
    if "\x00" in value or not value.isprintable():
        raise ValueError("has characters that cannot be printed")
    return value


def _currency(value: str) -> str:
    if value not in EXPONENTS:
        raise ValueError("is not a currency of the sandbox")
    return value


def _web_address(value: str) -> str:
    parts = urlsplit(value)
    if not ORIGIN.fullmatch(f"{parts.scheme}://{parts.netloc}"):
        raise ValueError("is not an http(s) address")
    return value


Reference = Annotated[str, Field(pattern=r"^[\x21-\x7e]{1,200}$")]
Text = Annotated[str, Field(max_length=500), AfterValidator(_plain_text)]
Currency = Annotated[str, AfterValidator(_currency)]
Amount = Annotated[int, Field(strict=True, ge=1, le=MAX_MINOR)]
AmountOrNothing = Annotated[int, Field(strict=True, ge=0, le=MAX_MINOR)]
Address = Annotated[str, Field(max_length=2000), AfterValidator(_plain_text), AfterValidator(_web_address)]


class Order(BaseModel):
    model_config = ConfigDict(extra="forbid")

    reference: Reference


class CheckoutOrder(Order):
    """A sum of nothing pays for nothing: such a page only saves a method."""

    amount: AmountOrNothing
    currency: Currency
    description: Text
    user_id: Annotated[str, Field(min_length=1, max_length=255), AfterValidator(_plain_text)]
    locale: Text
    return_url: Address
    expires_at: AwareDatetime
    save_method: bool

    @model_validator(mode="after")
    def _asks_for_something(self) -> Self:
        if self.amount == 0 and not self.save_method:
            raise ValueError("a page over nothing has to save a method")
        return self

    @property
    def language(self) -> str:
        return language(self.locale)


class ChargeOrder(Order):
    amount: Amount
    currency: Currency
    description: Text
    customer: Text
    method: Text
    locale: Text = "en"
    return_url: Address | None = None  # where the page goes that asks for authentication, if it comes to that


class RefundOrder(Order):
    payment: Text
    amount: Amount
    currency: Currency


class DisputeOrder(Order):
    """The cardholder's complaint about the payment of that reference, or how the bank decided it."""

    state: Annotated[str, Field(pattern="^(open|won|lost)$")] = "open"
    amount: Amount | None = None  # under dispute, or lost; otherwise all of it


class HandRefundOrder(Order):
    """A refund that somebody makes on the pages of the payment system, past the shop; otherwise of all that is left."""

    amount: Amount | None = None


class DetachOrder(Order):
    """`reference` is the id of the saved method."""


Read = TypeVar("Read", bound=BaseModel)


def read(shape: type[Read], body: bytes) -> Read:
    """Raises Refusal with the first thing that is wrong."""
    try:
        return shape.model_validate_json(body)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        where = ".".join(str(part) for part in first["loc"]) or "body"
        raise invalid(f"{where}: {first['msg']}") from None


def origin(address: str) -> str:
    parts = urlsplit(address)
    return f"{parts.scheme}://{parts.netloc}"
