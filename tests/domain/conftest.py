"""How Hypothesis behaves here: no deadline (the machine may be busy), nothing written to disk."""

from __future__ import annotations

from hypothesis import settings

settings.register_profile("matinee", deadline=None, database=None, max_examples=60)
settings.load_profile("matinee")
