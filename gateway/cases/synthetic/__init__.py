"""Families who do not exist, for the demo, the tests and the benchmarks.

INVARIANTS
- Nobody here is real: NHS numbers are of the 999 range, phone numbers of Ofcom's ranges for drama, e-mail
  addresses of example.org; names, schools and streets are put together at random.
- The same arguments give the same families, byte for byte.
- Only the demo, tests and benchmarks import this package: it needs Faker, which the ``demo`` extra brings.
"""

from gateway.cases.synthetic.families import generate
from gateway.cases.synthetic.labelled import LABELS, labelled_consents, labelled_families

__all__ = ["LABELS", "generate", "labelled_consents", "labelled_families"]
