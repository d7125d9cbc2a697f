"""Reading a request's parameters, and holding them against those that the installed SDK itself declares."""

from __future__ import annotations

import re
import types
import typing
from collections.abc import Iterable, Mapping
from decimal import Decimal
from functools import cache
from typing import Any, Literal, Union, get_args, get_origin

from stripe._request_options import RequestOptions
from typing_extensions import is_typeddict

from tests.stripe_wire.errors import invalid_parameter, missing_parameter, unknown_parameter

Read = dict[str, Any]
PART = re.compile(r"\[([^\[\]]*)\]")
NOT_SENT = frozenset(RequestOptions.__annotations__)  # these the SDK puts into headers
ELSEWHERE = {"StripeContext": object, "Mapping": Mapping}  # named by declarations of another module


def read(pairs: Iterable[tuple[str, str]]) -> Read:
    """`a[b][0][c]=1` as {"a": {"b": [{"c": "1"}]}}; Stripe's lists are numbered from 0, or written `a[]`."""
    root: Read = {}
    for name, value in pairs:
        first = name.partition("[")[0]
        at: Any = root
        path = [first, *PART.findall(name)]
        for key in path[:-1]:
            at = at.setdefault(key, {})
        key = path[-1] or str(len(at))
        at[key] = value
    return {name: _with_lists(value) for name, value in root.items()}


def _with_lists(value: Any) -> Any:
    if not isinstance(value, dict):
        return value
    inner = {name: _with_lists(one) for name, one in value.items()}
    numbered = list(inner) == [str(place) for place in range(len(inner))]
    return list(inner.values()) if inner and numbered else inner


def check(given: Read, declared: type, path: str = "") -> Read:
    """The parameters with their types; whatever the SDK does not declare is refused by its name."""
    hints, required = _declared(declared)
    for name in given:
        if name not in hints:
            raise unknown_parameter(_named(path, name))
    for name in sorted(required - set(given)):
        raise missing_parameter(_named(path, name))
    return {name: _typed(value, hints[name], _named(path, name)) for name, value in given.items()}


@cache
def _declared(declared: type) -> tuple[dict[str, Any], frozenset[str]]:
    hints = typing.get_type_hints(declared, localns=ELSEWHERE)
    sent = {name: hint for name, hint in hints.items() if name not in NOT_SENT}
    required = frozenset(getattr(declared, "__required_keys__", ())) & set(sent)
    return sent, required


def _named(path: str, name: str) -> str:
    return f"{path}[{name}]" if path else name


def _typed(value: Any, hint: Any, path: str) -> Any:
    fits = [one for one in _choices(hint) if _fits(value, one)]
    if not fits:
        raise invalid_parameter(path, f"Invalid {path}: {value!r}", "parameter_invalid")
    return _cast(value, fits[0], path)


def _choices(hint: Any) -> list[Any]:
    if get_origin(hint) in (Union, types.UnionType):
        return [choice for part in get_args(hint) for choice in _choices(part)]
    return [hint]


def _fits(value: Any, hint: Any) -> bool:
    origin = get_origin(hint)
    if origin is Literal:
        return value in get_args(hint)
    if origin in (list, typing.List):  # noqa: UP006 - the SDK still spells it so
        return isinstance(value, list)
    if origin is dict or is_typeddict(hint):
        return isinstance(value, dict)
    if not isinstance(value, str):
        return False
    if hint is bool:
        return value in ("true", "false")
    if hint is int:
        return re.fullmatch(r"-?\d+", value) is not None
    return hint in (str, float, Decimal)


def _cast(value: Any, hint: Any, path: str) -> Any:
    if is_typeddict(hint):
        return check(value, hint, path)
    if get_origin(hint) is list:
        return [_typed(one, get_args(hint)[0], f"{path}[{place}]") for place, one in enumerate(value)]
    if hint is bool:
        return value == "true"
    return int(value) if hint is int else value
