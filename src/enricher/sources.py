"""Where answers come from: an inventory, whose word it is, how fresh, and how long its owners are believed to stay."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final

from enricher.addresses import Address, is_private
from enricher.endpoints import RESOLVED, STALE
from enricher.inventory import FOREVER, Inventory, is_ipam

CONTINUED_SHARE: Final = 50  # measured by `make accuracy`, see decision 0007


@dataclass(frozen=True)
class Source:
    """An inventory and what its word is worth: ``evidence`` is ``snapshot`` or ``ec2``.

    ``asked``: canonical addresses all of whose owners it knows; None: of every address. Of others it knows an owner by
    chance, and there may be a second one in another VPC. ``is_stale``: all of it is past its hard TTL;
    ``stale_parts``: names of ``Part``s that are. ``continued_share``: an owner is believed to stay for this part of the
    time that it has been seen to own; None: for ever. ``part``: the account and region that was ``asked``, if known.
    """

    inventory: Inventory
    evidence: str
    is_stale: bool = False
    asked: frozenset[str] | None = None
    stale_parts: frozenset[str] = frozenset()
    continued_share: int | None = CONTINUED_SHARE
    part: str | None = None

    def continued_until(self, since: int, seen_until: int) -> int:
        """Until when (Unix seconds) it is believed to go on: what stayed for long stays, what is new may go soon."""
        if self.continued_share is None or seen_until == FOREVER:
            return FOREVER
        return seen_until + (seen_until - since) // self.continued_share

    def is_stale_part(self, part: str | None) -> bool:
        """Whether what the part tells is past its hard TTL."""
        return self.is_stale or part in self.stale_parts

    def is_ipam(self, row: int) -> bool:
        """Whether IPAM alone tells of the interface."""
        return is_ipam(self.inventory.part_of(row))

    def said(self, row: int) -> tuple[str, str]:
        """The status and the evidence of what it says of one of its interfaces."""
        return self._words[self.inventory.part_codes[row]]

    def remembered(self) -> dict[Any, Any]:
        """Answers that follow from the inventory and its worth alone; empty at first. Gone with either of them."""
        worth = (self.evidence, self.is_stale, self.stale_parts, self.continued_share)
        if worth not in self.inventory.remembered:
            self.inventory.remembered.clear()
            self.inventory.remembered[worth] = {}
        return self.inventory.remembered[worth]

    @cached_property
    def _words(self) -> list[tuple[str, str]]:
        """``said`` for each code of a part; the last one, -1, is of what belongs to none."""
        return [
            (STALE if self.is_stale_part(part) else RESOLVED, "ipam" if is_ipam(part) else self.evidence)
            for part in (*self.inventory.part_names, None)
        ]


def is_private_to(address: Address, sources: Sequence[Source]) -> bool:
    """Whether the address is of private space or of any known VPC's CIDR."""
    return is_private(address) or any(
        source.inventory.networks.holds_public_ranges and source.inventory.networks.any_vpc_covers(address)
        for source in sources
    )
