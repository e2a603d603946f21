"""All of an account's inventory as the refresher reads it: one code, one set of calls."""

from collections.abc import Callable, Mapping
from typing import Any, Final

from enricher.errors import InventoryError
from enricher.inventory import Part
from enricher.paging import Reader, Target
from enricher.scan import ESSENTIAL, OPTIONAL, Scanner, Scope
from enricher.throttling import Share

_SECONDS: Final = 600  # that a scan may take


def read_inventory(
    client: Callable[[str], Any],
    clock: Callable[[], float],
    sleep: Callable[[float], object],
    account_id: str,
    region: str,
) -> Mapping[str, Mapping[str, Any]]:
    """Documents by name.

    Args:
        client: makes a boto3 client of a service; called once a service.
        clock: seconds.
        sleep: waits for seconds, to stay below AWS's request limits.
        account_id: whose inventory; for errors.
        region: of the inventory.

    Raises:
        InventoryError: a read without which it would be none failed.
    """
    reads = (*ESSENTIAL, *OPTIONAL)
    clients = {service: client(service) for service in sorted({read.service for read in reads})}
    target = Target(account_id, region, "the credentials in use", clients.__getitem__)
    scanner = Scanner(Reader(Share(1, clock, sleep), clock), clock)
    scan = scanner.scan(Scope(f"{account_id}/{region}", target, reads), clock() + _SECONDS)
    if isinstance(scan, Part):
        raise InventoryError(f"inventory: {scan.error}")
    return scan.documents
