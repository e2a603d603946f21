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

    def reached(self, vpc_id: str, traffic_path: int) -> frozenset[str]:
        """VPCs connected to this one of which only the name is known."""
        if not self._vpc_ids:
            return self._vpc_ids
        return self._vpc_ids & self._networks.connected(vpc_id, traffic_path)

    def is_nameless(self, vpc_id: str, traffic_path: int) -> bool:
        """Whether the VPC is on a hub that may have members of which not even the name is known."""
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
    told: dict[Hub, bool] = {}
    for each in networks.memberships:
        owner = _part(each.hub_account_id, each.part)
        is_told = owner is None or begun.get(owner) is not None
        if is_told or _region(owner) in never:
            told[each.hub] = told.get(each.hub, False) or is_told
    return {hub for hub, is_told in told.items() if not is_told}


def _part(account_id: str | None, part: str | None) -> str | None:
    """The part in which the account's resources are scanned that ``part`` tells of; None where that is not known."""
    return None if account_id is None or part is None else f"{account_id}/{_region(part)}"


def _region(part: str | None) -> str:
    return (part or "").partition("/")[2]
