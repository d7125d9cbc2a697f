"""POST /purchases: start buying. GET /purchases: what was bought."""

from __future__ import annotations

from typing import Literal
from urllib.parse import urlencode, urlsplit

from flask import Response, g, jsonify, request
from flask_openapi.models.tag import Tag
from pydantic import BaseModel, ConfigDict, Field, RootModel, StrictBool, StrictInt, StrictStr

from portal import runtime
from portal.domain.calendar import rfc3339
from portal.domain.consent import Agreement
from portal.domain.errors import (
    ConsentRequired,
    EmailRequired,
    Forbidden,
    InvalidRequest,
    PaymentInProgress,
    ProviderUnavailable,
    SubscriptionExists,
    UnknownPaymentSystem,
    UnknownProduct,
)
from portal.presentation.language import in_language
from portal.queries import invoices
from portal.queries.invoices import InvoiceEntry
from portal.services.buy import BuyRequest, buy
from portal.web.api.answers import answers
from portal.web.api.blueprint import blueprint
from portal.web.api.idempotency import once
from portal.web.api.money import price_of
from portal.web.api.shapes import Address, Code, Currency, Email, Guid, Moment, ProductOut, UserId, at
from portal.web.locale import language
from portal.web.roles import may

TAG = Tag(name="purchases")


class Consents(BaseModel):
    model_config = ConfigDict(extra="forbid")

    terms: StrictBool = Field(examples=[True])
    personal_data: StrictBool = Field(examples=[True])
    renewal: StrictBool = Field(default=False, description="That the method is saved and charged again.")


class PurchaseIn(BaseModel):
    product_id: Code = Field(description="A plan's code.", examples=["standard"])
    product_count: StrictInt = Field(ge=1, le=12, description="Intervals bought at once.", examples=[1])
    currency: Currency | None = Field(default=None, description="Absent: the portal's own.")
    provider: Code | None = Field(default=None, description="A payment system; absent: the first that is set up.")
    promotion_code: StrictStr | None = Field(default=None, description="No promotion runs at the moment.")
    return_url: Address | None = Field(
        default=None, description="Where the customer goes after paying; only to hosts that the operator allowed."
    )
    email: Email | None = Field(default=None, description="For receipts, where the token names none.")
    consents: Consents | None = Field(
        default=None, description="What the customer agreed to. Absent: the client obtained the consents itself."
    )


class PurchaseOut(BaseModel):
    redirect_url: str = Field(
        description="The payment system's page; no sign-in is needed there.",
        examples=["https://billing.example/sandbox/pay/co_6f1f"],
    )
    invoice_guid: Guid


class PurchasesQuery(BaseModel):
    product_id: Code | None = Field(default=None, description="Only this plan.", examples=["standard"])
    user_guid: UserId | None = Field(
        default=None, description="Somebody else's: for roles that may see all.", examples=["alice"]
    )
    page_limit: int = Field(default=20, ge=1, le=100, examples=[20])
    page_number: int = Field(default=1, ge=1, le=100_000, examples=[1])


class PurchaseEntry(BaseModel):
    timestamp: Moment
    invoice_guid: Guid
    state: Literal["not_paid", "paid", "fail"] = Field(examples=["paid"])
    product: ProductOut


class PurchasesOut(RootModel[list[PurchaseEntry]]):
    pass


@blueprint.post(
    "/purchases",
    tags=[TAG],
    summary="Start buying a plan",
    responses=answers(
        PurchaseOut,
        UnknownProduct,
        UnknownPaymentSystem,
        ConsentRequired,
        EmailRequired,
        SubscriptionExists,
        PaymentInProgress,
        ProviderUnavailable,
    ),
)
@once
def start_purchase(body: PurchaseIn) -> Response:
    """Send the customer to `redirect_url`. The same open request again gives the same invoice."""
    if body.promotion_code is not None:
        raise InvalidRequest("promotion_code: no promotion runs at the moment; leave it out to pay the full price")
    bought = buy(
        g.person,
        BuyRequest(
            code=body.product_id,
            count=body.product_count,
            agreement=_agreement(body),
            email=body.email,
            currency=body.currency,
            provider=body.provider,
            return_url=_return_url(body.return_url),
        ),
    )
    answer = PurchaseOut(redirect_url=bought.redirect_url, invoice_guid=bought.invoice_id)
    return jsonify(answer.model_dump(mode="json"))


@blueprint.get(
    "/purchases", tags=[TAG], summary="Invoices, the newest first", responses=answers(PurchasesOut, Forbidden)
)
def purchases(query: PurchasesQuery) -> Response:
    """One entry per invoice, renewals included."""
    user_id = _whose(query.user_guid)
    offset = (query.page_number - 1) * query.page_limit
    entries, total = invoices.page_of_user(user_id, limit=query.page_limit, offset=offset, plan_code=query.product_id)
    response = jsonify([_entry(entry).model_dump(mode="json", by_alias=True) for entry in entries])
    response.headers["X-Total-Count"] = str(total)
    links = _links(query, total)
    if links:
        response.headers["Link"] = links
    return response


def _agreement(body: PurchaseIn) -> Agreement:
    said = body.consents
    return Agreement(
        terms=said.terms if said else True,
        personal_data=said.personal_data if said else True,
        renewal=said.renewal if said else True,
        source="api" if said else "api_client",
        locale=language(),
        address=request.remote_addr,
        user_agent=(request.user_agent.string or "")[:300] or None,
    )


def _return_url(url: str | None) -> str | None:
    """Only to hosts that the operator allowed: anything else would make us an open redirect."""
    if url is None:
        return None
    try:
        parts = urlsplit(url)
    except ValueError:
        raise InvalidRequest("return_url: this is not an address") from None
    own = urlsplit(runtime.settings.origin)
    allowed = runtime.settings.return_hosts | {own.netloc.lower()}
    if parts.scheme not in ("http", "https") or parts.netloc.lower() not in allowed:
        raise InvalidRequest("return_url: this host is not in ALLOWED_RETURN_HOSTS")
    return url


def _whose(user_guid: str | None) -> str:
    if user_guid is None or user_guid == g.person.id:
        return str(g.person.id)
    if not may(g.person.roles, "purchases"):
        raise Forbidden("user_guid: these are somebody else's purchases")
    return user_guid


def _entry(entry: InvoiceEntry) -> PurchaseEntry:
    invoice = entry.invoice
    return PurchaseEntry(
        timestamp=rfc3339(invoice.created_at),
        invoice_guid=invoice.id,
        state=invoice.state,
        product=ProductOut(
            **{"from": at(entry.start)},
            product_id=entry.plan_code,
            product_name=in_language(entry.names, language()),
            to=at(entry.end),
            price=price_of(invoice.total),
        ),
    )


def _links(query: PurchasesQuery, total: int) -> str:
    """RFC 8288: first, prev, next, last, as far as they exist."""
    last = max(1, -(-total // query.page_limit))
    pages = {"first": 1, "prev": query.page_number - 1, "next": query.page_number + 1, "last": last}
    known = {name: page for name, page in pages.items() if 1 <= page <= last}
    given = query.model_dump(exclude_none=True, exclude={"page_number"})
    base = f"{runtime.settings.origin}{request.path}"
    return ", ".join(
        f'<{base}?{urlencode(given | {"page_number": page})}>; rel="{name}"' for name, page in known.items()
    )
