"""What several calls take and give, as pydantic models: the schema a client reads is the one that checks."""

from __future__ import annotations

import unicodedata
from datetime import datetime
from decimal import Decimal
from typing import Annotated
from uuid import UUID

from pydantic import AfterValidator, BaseModel, BeforeValidator, Field, StrictStr, StringConstraints, WithJsonSchema
from pydantic_core import PydanticCustomError

from portal.domain.calendar import rfc3339

MONTH_LATER = "2027-02-10T09:00:00Z"
GUID = "018f6d1e-7c3a-7b1e-9d52-3f1f5a0c2b64"

Code = Annotated[StrictStr, StringConstraints(min_length=1, max_length=64, pattern=r"^[A-Za-z0-9_.-]+$")]
Currency = Annotated[StrictStr, StringConstraints(pattern=r"^[A-Z]{3}$"), Field(examples=["RUB"])]
# Printable ASCII: NUL, which PostgreSQL does not store, and line ends, which a header does not take, stay outside.
Address = Annotated[StrictStr, StringConstraints(max_length=2000, pattern=r"^[\x21-\x7e]+$")]
# Patterns are written so that every reader of the document knows them: no \p{...}, which Python lacks.
_WORD = r"[^@\s\x00-\x1f\x7f-\x9f]+"
UserId = Annotated[str, StringConstraints(min_length=1, max_length=255, pattern=r"^[^\x00-\x1f\x7f-\x9f]+$")]


def _as_it_looks(address: str) -> str:
    """Formatting characters could turn an address into another one for its reader."""
    if any(unicodedata.category(char).startswith("C") for char in address):
        raise PydanticCustomError("email", "an e-mail address has no invisible characters")
    return address


Email = Annotated[
    StrictStr,
    StringConstraints(max_length=254, pattern=rf"^{_WORD}@{_WORD}\.{_WORD}$"),
    AfterValidator(_as_it_looks),
]
Guid = Annotated[UUID, Field(examples=[GUID])]
Moment = Annotated[
    str,
    Field(description="RFC 3339, UTC.", json_schema_extra={"format": "date-time"}, examples=["2027-01-10T09:00:00Z"]),
]


def _number(sent: object) -> Decimal:
    """A JSON number, exactly as it was written. A bool, a string and null are none."""
    if type(sent) is int or isinstance(sent, Decimal):
        return Decimal(sent)
    raise PydanticCustomError("amount", "an amount is a JSON number in major units, as in 149.5")


Amount = Annotated[
    Decimal,
    BeforeValidator(_number),
    WithJsonSchema({"type": "number", "exclusiveMinimum": 0, "examples": [149.5], "description": "Major units."}),
]


class ErrorBody(BaseModel):
    error_id: str = Field(description="A stable word.", examples=["not_found"])
    error_desc: str = Field(description="A sentence in the language of `Accept-Language`.")
    request_id: str = Field(description="To be quoted when asking about it; also in `X-Request-Id`.")


class Price(BaseModel):
    amount: float = Field(description="Major units.", examples=[299.0])
    currency: str = Field(description="ISO 4217.", examples=["RUB"])


class ProductOut(BaseModel):
    product_id: str = Field(examples=["standard"])
    product_name: str = Field(examples=["Standard"])
    from_: Moment | None = Field(alias="from", description="Since when it gives access; null until paid.")
    to: Moment | None = Field(examples=[MONTH_LATER])
    price: Price = Field(description="The invoice's total.")


class GuidPath(BaseModel):
    guid: Guid


class UserPath(BaseModel):
    guid: UserId = Field(description="The user's id: the token's subject.", examples=["alice"])


def at(moment: datetime | None) -> str | None:
    return None if moment is None else rfc3339(moment)
