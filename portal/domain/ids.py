"""Identifiers: random enough that nobody guesses one, ordered in time so that indexes stay dense (UUID version 7)."""

from __future__ import annotations

import secrets
from datetime import datetime
from uuid import UUID


def new_id(at: datetime) -> UUID:
    """A version 7 UUID of the moment `at`: 48 bits of milliseconds, 74 random bits (RFC 9562, 5.7)."""
    milliseconds = int(at.timestamp() * 1000) & (1 << 48) - 1
    tail = secrets.randbits(74)
    return UUID(int=milliseconds << 80 | 0x7 << 76 | (tail >> 62) << 64 | 0b10 << 62 | tail & (1 << 62) - 1)


def first_id(at: datetime) -> UUID:
    """What is ordered by id begins here for everything made at `at` or later."""
    milliseconds = int(at.timestamp() * 1000) & (1 << 48) - 1
    return UUID(int=milliseconds << 80)
