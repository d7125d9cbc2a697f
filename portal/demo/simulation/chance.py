"""All chance of a simulation comes from its seed: the same seed lives the same lives."""

from __future__ import annotations

import random
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from random import Random
from unittest import mock


@contextmanager
def seeded(seed: int) -> Iterator[None]:
    """Ids, tokens and jitter of the whole process, which is the simulation's own."""
    chance = Random(seed)  # noqa: S311 - to be repeated is its point
    random.seed(seed)
    with (
        mock.patch.object(secrets, "randbits", chance.getrandbits),
        mock.patch.object(secrets, "token_bytes", lambda size=None: chance.randbytes(size or 32)),
    ):
        yield


def around(chance: Random, mean: timedelta) -> timedelta:
    """A wait as of things that happen on their own: mostly shorter than the mean, now and then much longer."""
    return mean * min(chance.expovariate(1), 8)
