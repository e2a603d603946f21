"""Every operation this cloud answers itself.

To add one: an `Operation` in the table of its service, and its document in `documents.LISTS`.
"""

from typing import Final

from .ec2_operations import EC2_OPERATIONS
from .ipam_operations import IPAM_OPERATIONS
from .operation import Operation
from .service_operations import SERVICE_OPERATIONS
from .stack_operations import STACK_OPERATIONS

OPERATIONS: Final[dict[tuple[str, str], Operation]] = {
    (operation.service, operation.name): operation
    for operation in (*EC2_OPERATIONS, *IPAM_OPERATIONS, *SERVICE_OPERATIONS, *STACK_OPERATIONS)
}
