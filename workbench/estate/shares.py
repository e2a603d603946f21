"""Heavy-tailed weights and exact apportionment: a share of a total always comes out within one of what was asked."""

from collections.abc import Sequence
from functools import reduce
from operator import add


def zipf(count: int, exponent: float) -> list[float]:
    """Weights 1/rank^exponent for ranks 1 to ``count``."""
    return [rank**-exponent for rank in range(1, count + 1)]


def apportion(total: int, weights: Sequence[float], least: int = 0) -> list[int]:
    """Split ``total`` into whole parts by weight (largest remainders), each at least ``least``.

    Raises:
        ValueError: there is less to share out than ``least`` for everybody.
    """
    free = total - least * len(weights)
    if free < 0:
        raise ValueError(f"{total} cannot give at least {least} to each of {len(weights)}: raise the total")
    # Not sum(): Python 3.12 made it round otherwise, and a seed must give the same bytes on every version.
    whole = reduce(add, weights, 0.0)
    exact = [free * weight / whole for weight in weights]
    parts = [int(share) for share in exact]
    by_remainder = sorted(range(len(weights)), key=lambda index: parts[index] - exact[index])
    for index in by_remainder[: free - sum(parts)]:
        parts[index] += 1
    return [part + least for part in parts]
