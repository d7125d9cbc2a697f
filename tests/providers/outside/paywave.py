"""Paywave, a payment system that happens to speak the sandbox's wire."""

from __future__ import annotations

from collections.abc import Mapping

from portal.providers.port import Provider
from portal.providers.sandbox import SandboxProvider

NEEDED = ("PAYWAVE_URL", "PAYWAVE_API_KEY", "PAYWAVE_WEBHOOK_SECRET")


class Paywave(SandboxProvider):
    name = "paywave"
    titles: Mapping[str, str] = {"ru": "Через Paywave", "en": "With Paywave"}


def make(environment: Mapping[str, str]) -> Provider:
    missing = [name for name in NEEDED if not environment.get(name)]
    if missing:
        raise ValueError(f"set {' and '.join(missing)}")
    return Paywave(*(environment[name] for name in NEEDED))
