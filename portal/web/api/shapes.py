"""What the API takes and gives, as pydantic models: the schema a client reads is the one that checks."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, RootModel, StrictBool, StrictInt, StrictStr, StringConstraints

from portal.domain.calendar import rfc3339

Code = Annotated[StrictStr, StringConstraints(min_length=1, max_length=64, pattern=r"^[A-Za-z0-9_.-]+$")]
Currency = Annotated[StrictStr, StringConstraints(pattern=r"^[A-Z]{3}$")]
# Printable ASCII: NUL, which PostgreSQL does not store, and line ends, which a header does not take, stay outside.
Address = Annotated[StrictStr, StringConstraints(max_length=2000, pattern=r"^[\x21-\x7e]+$")]
# \p{C}: control and formatting characters, which could turn an address into another one for its reader.
Email = Annotated[StrictStr, StringConstraints(max_length=254, pattern=r"^[^@\s\p{C}]+@[^@\s\p{C}]+\.[^@\s\p{C}]+$")]


class ErrorBody(BaseModel):
    error_id: str = Field(description="A stable word.", examples=["not_found"])
    error_desc: str = Field(description="A sentence in the language of Accept-Language.")
    request_id: str


class Price(BaseModel):
    amount: float = Field(description="Major units.", examples=[299.0])
    currency: str = Field(examples=["RUB"])


class PlanOut(BaseModel):
    product_id: str
    product_name: str
    description: str
    features: list[str]
    group: str
    interval: Literal["day", "week", "month", "year"]
    interval_count: int
    trial_days: int
    price: Price


class PlansOut(RootModel[list[PlanOut]]):
    pass


class PlansQuery(BaseModel):
    currency: Currency | None = None


class Consents(BaseModel):
    model_config = ConfigDict(extra="forbid")

    terms: StrictBool
    personal_data: StrictBool
    renewal: StrictBool = False


class PurchaseIn(BaseModel):
    product_id: Code
    product_count: StrictInt = Field(ge=1, le=12, description="Intervals bought at once.")
    currency: Currency | None = None
    provider: Code | None = None
    promotion_code: StrictStr | None = None
    return_url: Address | None = None
    email: Email | None = None
    consents: Consents | None = Field(
        default=None, description="What the customer agreed to. Absent: the client obtained the consents itself."
    )


class PurchaseOut(BaseModel):
    redirect_url: str = Field(description="The payment system's page; no sign-in is needed there.")
    invoice_guid: UUID


class PurchasesQuery(BaseModel):
    product_id: Code | None = None
    user_guid: Annotated[str, StringConstraints(min_length=1, max_length=255, pattern=r"^\P{Cc}+$")] | None = None
    page_limit: int = Field(default=20, ge=1, le=100)
    page_number: int = Field(default=1, ge=1, le=100_000)


class ProductOut(BaseModel):
    product_id: str
    product_name: str
    from_: str | None = Field(alias="from", description="RFC 3339, UTC; null until paid.")
    to: str | None
    price: Price


class PurchaseEntry(BaseModel):
    timestamp: str
    invoice_guid: UUID
    state: Literal["not_paid", "paid", "fail"]
    product: ProductOut


class PurchasesOut(RootModel[list[PurchaseEntry]]):
    pass


class InvoicePath(BaseModel):
    guid: UUID


class PaymentOut(BaseModel):
    payment_guid: UUID
    state: str
    provider: str
    created_at: str
    price: Price
    decline_code: str | None


class RefundOut(BaseModel):
    refund_guid: UUID
    state: str
    reason: str
    created_at: str
    price: Price


class InvoiceOut(BaseModel):
    invoice_guid: UUID
    number: str
    state: Literal["not_paid", "paid", "fail"]
    fail_reason: str | None
    reason: Literal["purchase", "renewal", "plan_change"]
    created_at: str
    modified_at: str
    sent_to_queue: bool | None
    product: ProductOut
    payments: list[PaymentOut]
    refunds: list[RefundOut]


class PeriodOut(BaseModel):
    from_: str = Field(alias="from")
    to: str


class NextOut(BaseModel):
    what: Literal["renewal", "end"]
    at: str
    price: Price | None


class SubscriptionOut(BaseModel):
    subscription_id: UUID
    product_id: str
    product_name: str
    status: str
    auto_renew: bool
    current_period: PeriodOut | None
    access_until: str | None
    next: NextOut | None


class SubscriptionsOut(RootModel[list[SubscriptionOut]]):
    pass


def at(moment: datetime | None) -> str | None:
    return None if moment is None else rfc3339(moment)
