"""Addresses that nobody has had yet, handed out in order: one pool a subnet, one of prefixes a subnet, one public."""

from typing import Any

import numpy as np

from accuracy.topology import (
    FIRST_PREFIX,
    FIRST_PUBLIC,
    FIRST_SINGLE,
    PREFIX_SIZE,
    SUBNET_SIZE,
    VPCS,
    ZONES,
    subnet_base,
)


class Pools:
    """Hands each address out once. Equal subnets of overlapping VPCs hand out equal addresses."""

    def __init__(self) -> None:
        self._subnets = len(VPCS) * len(ZONES)
        self._singles = np.zeros(self._subnets, np.int64)
        self._prefixes = np.zeros(self._subnets, np.int64)
        self._publics = 0

    def singles(self, subnets: Any) -> Any:
        """A fresh address in each of the subnets given; 0 where that is -1."""
        return self._take(subnets, self._singles, FIRST_SINGLE, 1, FIRST_PREFIX)

    def prefixes(self, subnets: Any) -> Any:
        """The first address of a fresh /28 in each of the subnets given; 0 where that is -1."""
        return self._take(subnets, self._prefixes, FIRST_PREFIX, PREFIX_SIZE, SUBNET_SIZE)

    def publics(self, count: int) -> Any:
        """Fresh public addresses."""
        self._publics += count
        return FIRST_PUBLIC + np.arange(self._publics - count, self._publics)

    def of_kind(self, is_public: bool, is_prefix: bool, subnets: Any) -> Any:  # noqa: FBT001 - two of three pools
        """A fresh address (or prefix) for each of the subnets given; 0 where that is -1."""
        if is_public:
            wanted = subnets >= 0
            found = np.zeros(len(subnets), np.int64)
            found[wanted] = self.publics(int(wanted.sum()))
            return found
        return self.prefixes(subnets) if is_prefix else self.singles(subnets)

    def _take(self, subnets: Any, used: Any, first: int, step: int, end: int) -> Any:
        found = np.zeros(len(subnets), np.int64)
        for subnet in range(self._subnets):
            here = np.flatnonzero(subnets == subnet)
            numbers = used[subnet] + np.arange(len(here))
            used[subnet] += len(here)
            if first + used[subnet] * step > end:
                raise RuntimeError(f"world: subnet {subnet} has no address left; give the world fewer interfaces")
            found[here] = subnet_base(subnet) + first + numbers * step
        return found
