"""Why an owner named by continuation was the wrong one: what had happened since the last scan."""

from typing import Any, Final

import numpy as np

from accuracy.names import Truth
from accuracy.records import CHANGED, NOBODY
from accuracy.topology import FIRST_PREFIX, IPAM_ACCOUNT, SUBNET_SIZE, VPCS, ZONES
from accuracy.world import Columns

_PRIVATE: Final = 10  # the first octet of every private address here


def causes(rows: Any, side: str, truth: Columns, known: Truth) -> list[str]:
    """A cause for each of ``rows`` (numbers)."""
    return [_cause(row, side, truth, known) for row in np.asarray(rows).tolist()]


def _cause(row: int, side: str, truth: Columns, known: Truth) -> str:
    owner, place = int(truth.of[side][row]), int(truth.of[f"{side}_place"][row])
    address = int(truth.of[f"{side}_address"][row])
    vpc = VPCS[place // len(ZONES)]
    found = (
        (owner == CHANGED, "owner changed while the flow lasted"),
        (owner < CHANGED, "attachment changed while the flow lasted"),
        (owner == NOBODY, "nobody's address"),
        (owner == truth.recorder[row], "own side taken for a hop"),
        (vpc.account == IPAM_ACCOUNT, "IPAM is late"),
        (address >> 24 != _PRIVATE, "Elastic IP moved"),
        (address % SUBNET_SIZE >= FIRST_PREFIX, "prefix moved"),
        (address != known.primary[owner], "secondary address moved"),
        (known.is_mover[owner], "secondary interface moved"),
    )
    return next((cause for holds, cause in found if holds), "primary address reused")
