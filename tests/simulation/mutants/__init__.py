"""Design mistakes that a colleague could make, each planted in the running system for as long as a `with` lasts.

Those of which it says that no index minds also take the index away: what the database refuses by itself would only be
heard as an error.
"""

from tests.simulation.mutants import charging, settling, telling
from tests.simulation.mutants.guards import GUARDS
from tests.simulation.mutants.planting import MUTANTS, Mistake

__all__ = ["GUARDS", "MUTANTS", "Mistake", "charging", "settling", "telling"]
