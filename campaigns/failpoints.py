"""Named places where a test may end the process, to prove that a crash there loses nothing.

`SHOAL_FAILPOINT=stage:name` or `stage:name:3` ends the process at the first or third pass of the point
`stage:name`, with the exit code of a kill -9 and without any clean-up. Unset, a pass costs one dictionary look-up.
"""

from __future__ import annotations

import os
from collections import Counter

ENVIRONMENT_VARIABLE = "SHOAL_FAILPOINT"
KILLED = 137

_passes: Counter[str] = Counter()


def failpoint(name: str) -> None:
    wanted = os.environ.get(ENVIRONMENT_VARIABLE)
    if not wanted:
        return
    target, _, nth = wanted.rpartition(":")
    if not nth.isdecimal():
        target, nth = wanted, "1"
    if target != name:
        return
    _passes[name] += 1
    if _passes[name] >= int(nth):
        os._exit(KILLED)
