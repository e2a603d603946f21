"""The form of an operation that this cloud answers itself: where its resources lie, how they are named and paged."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from .collection import Collection
from .documents import Documents

# What an operation selects beyond identifiers and filters: (its resources, all documents, parameters) → positions,
# None for all. May refuse the call with an AwsError.
Narrowing = Callable[[Collection, Documents, Mapping[str, Any]], set[int] | None]


@dataclass(frozen=True, slots=True)
class Identifier:
    """A parameter that lists identifiers.

    ``path`` is the member that holds them, ``not_found`` the error code for one that does not exist; None: such a one
    is passed over.
    """

    path: str
    not_found: str | None


@dataclass(frozen=True, slots=True)
class Pages:
    """How an operation is paged: parameter and member names, smallest and largest page, error codes.

    Attributes:
        default: The page without a size; None: the largest.
        cuts: A size above the largest is taken for the largest instead of refused.
        last_cursor: What the last page has for a cursor; None: no such member.
        without: Parameters that AWS refuses together with a page size.
    """

    size: str = "MaxResults"
    cursor: str = "NextToken"
    next_cursor: str = "NextToken"
    smallest: int = 5
    largest: int = 1000
    default: int | None = None
    cuts: bool = False
    last_cursor: str | None = None
    without: tuple[str, ...] = ()
    bad_size: str = "InvalidParameterValue"
    bad_cursor: str = "InvalidNextToken"


@dataclass(frozen=True, slots=True)
class Operation:
    """An operation that reads one inventory document.

    Attributes:
        service: boto3's name of the service.
        name: Of the operation.
        document: Inventory document that holds the resources (see `documents.LISTS`).
        identifiers: By parameter name.
        equals: Parameter of one value → path of the member that must be equal.
        filters: Filter name → path of members in the resource.
        pages: None where AWS does not page.
        filter_parameter: ``Filters`` or, for some operations, ``Filter``; None where AWS does not filter.
        tags: The member that holds the tags.
        inner: Where resources lie one list deeper, as instances in reservations: that list's name. Filters then see
            the members of both levels.
        narrowing: What the operation selects in a way of its own.
        hides_managed: Resources of an AWS-managed operator are left out unless ``IncludeManagedResources`` is true.
        costly: Without filter and page size the call draws on the smaller token bucket.
    """

    service: str
    name: str
    document: str
    identifiers: Mapping[str, Identifier] = field(default_factory=dict)
    equals: Mapping[str, str] = field(default_factory=dict)
    filters: Mapping[str, str] = field(default_factory=dict)
    pages: Pages | None = Pages()
    filter_parameter: str | None = "Filters"
    tags: str = "Tags"
    inner: str | None = None
    narrowing: Narrowing | None = None
    hides_managed: bool = False
    costly: bool = False


def plain(names: str) -> dict[str, str]:
    """Filters whose path is their own name in another spelling: ``attachment.status`` → ``Attachment.Status``."""
    return {
        name: ".".join("".join(word.capitalize() for word in part.split("-")) for part in name.split("."))
        for name in names.split()
    }
