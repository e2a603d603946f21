"""Connected VPCs that may hold any address, since no scan has told of their ranges or that they are there at all.

Pure. A part is named "account/region", as ``inventory.Part`` says; a hub and the VPCs attached to it are of one region.
"""

from collections.abc import Mapping

from enricher.networks import Hub, Networks


class Unseen:
    """What an inventory's networks leave open; made once for an inventory."""

    def __init__(self, networks: Networks, begun: Mapping[str, float | None]) -> None:
        """``begun``: each part's last good scan (Unix seconds; None: never scanned well); none for AWS CLI files."""
        never = {name for name, at in begun.items() if at is None}
        self._networks = networks
        self._vpc_ids = frozenset(_strangers(networks, begun, is_complete=not never))
        self._hubs = frozenset(_open_hubs(networks, begun, {_region(name) for name in never}))

    def is_reached(self, vpc_id: str, traffic_path: int) -> bool:
        """Whether the VPC is connected to one of which only the name is known, or on a hub that may have more."""
        if self._vpc_ids and not self._vpc_ids.isdisjoint(self._networks.connected(vpc_id, traffic_path)):
            return True
        return bool(self._hubs) and not self._hubs.isdisjoint(self._networks.hubs_of(vpc_id, traffic_path))


def _strangers(networks: Networks, begun: Mapping[str, float | None], *, is_complete: bool) -> set[str]:
    """VPCs named by connections alone, unless a scan that would have told of them has not."""
    found: set[str] = set()
    if not is_complete:
        found.update(*((link.one, link.other) for link in networks.connections))
    for each in networks.memberships:
        home = _part(each.account_id, each.part)
        if home is None or not begun:
            is_there = not is_complete
        else:
            # Attached, says one scan, and an earlier one of the VPC's own account, or none, did not see it.
            seen, told = begun.get(home), begun.get(each.part or "")
            is_there = seen is None or (told is not None and seen < told)
        if is_there:
            found.add(each.vpc_id)
    return {vpc_id for vpc_id in found if not networks.knows(vpc_id)}


def _open_hubs(networks: Networks, begun: Mapping[str, float | None], never: set[str]) -> set[Hub]:
    """Hubs of which only members tell, in regions (``never``) where an account that may be one was never scanned."""
    found = set()
    for each in networks.memberships:
        owner = _part(each.hub_account_id, each.part)
        if owner is not None and begun.get(owner) is None and _region(owner) in never:
            found.add(each.hub)
    return found


def _part(account_id: str | None, part: str | None) -> str | None:
    """The part in which the account's resources are scanned that ``part`` tells of; None where that is not known."""
    return None if account_id is None or part is None else f"{account_id}/{_region(part)}"


def _region(part: str | None) -> str:
    return (part or "").partition("/")[2]
