"""Programs that the documents show, run as their readers would."""

from tests.outbox.conftest import take, topology

__all__ = ["take", "topology"]
