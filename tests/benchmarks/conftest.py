"""The benchmarks are scripts, and their folder is looked through last.

None may be called as a package of the tests is.
"""

import sys
from pathlib import Path

BENCHMARKS = str(Path(__file__).parents[2] / "benchmarks")

if BENCHMARKS not in sys.path:
    sys.path.append(BENCHMARKS)
