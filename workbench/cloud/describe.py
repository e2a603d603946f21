"""One Describe call over an inventory: identifiers, filters, hidden resources, pages."""

import base64
import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from .collection import Collection, Index, Resource, look_up
from .documents import LISTS, Documents
from .errors import AwsError
from .operation import Operation, Pages
from .operations import OPERATIONS

# "The maximum number of filter values specified on a single call is 200."
MOST_FILTER_VALUES: Final = 200


@dataclass(frozen=True, slots=True)
class _Shelf:
    """The resources behind one operation.

    Where they lie in groups (instances in reservations), ``collection`` sees the members of both levels, and
    ``places`` says for each resource which group it is of and which of that group's items it is.
    """

    collection: Collection
    document: Sequence[Resource]
    places: Sequence[tuple[int, int]] = ()


class Inventory:
    """What one account owns in one region, ready to be described.

    Args:
        documents: Checked (`documents.check_documents`); one that is not there holds nothing.
    """

    def __init__(self, documents: Documents) -> None:
        self._documents = documents
        self._shelves = {operation.document: _shelf(operation, documents) for operation in OPERATIONS.values()}

    def describe(self, operation: Operation, parameters: Mapping[str, Any]) -> dict[str, Any]:
        """The result of a call, as botocore's output shape has it.

        Args:
            operation: One of `OPERATIONS`.
            parameters: As boto3's caller wrote them.

        Raises:
            AwsError: As AWS refuses: unknown identifiers or filters, too many filter values, bad page size or token.
        """
        if parameters.get("DryRun"):
            raise AwsError("DryRunOperation", "Request would have succeeded, but DryRun flag is set.")
        shelf = self._shelves[operation.document]
        positions = sorted(self._chosen(operation, shelf.collection, parameters))
        if operation.pages is None:
            return _answer(operation, shelf, positions)
        page, token = _page(operation, operation.pages, positions, parameters)
        answer = _answer(operation, shelf, page)
        return answer if token is None else {**answer, operation.pages.next_cursor: token}

    def _chosen(self, operation: Operation, collection: Collection, parameters: Mapping[str, Any]) -> set[int]:
        hidden = _hidden(operation, collection, parameters)
        chosen = set(range(len(collection))) - hidden
        for name, identifier in operation.identifiers.items():
            if parameters.get(name):
                chosen &= _identified(collection.at(identifier.path), parameters[name], identifier.not_found, hidden)
        for name, path in operation.equals.items():
            if name in parameters:
                chosen &= set(collection.at(path).get(parameters[name], ()))
        for index, values in _filters(operation, collection, parameters):
            chosen &= look_up(index, values)
        if operation.narrowing is not None:
            narrowed = operation.narrowing(collection, self._documents, parameters)
            chosen = chosen if narrowed is None else chosen & narrowed
        return chosen


def _shelf(operation: Operation, documents: Documents) -> _Shelf:
    document: list[Resource] = documents.get(operation.document, {}).get(LISTS[operation.document], [])
    inner = operation.inner
    if inner is None:
        return _Shelf(Collection(document, operation.tags), document)
    places = [(group, item) for group, outer in enumerate(document) for item in range(len(outer.get(inner, ())))]
    both_levels = [{**document[group], **document[group][inner][item]} for group, item in places]
    return _Shelf(Collection(both_levels, operation.tags), document, places)


def _answer(operation: Operation, shelf: _Shelf, positions: Sequence[int]) -> dict[str, Any]:
    inner = operation.inner
    if inner is None:
        return {LISTS[operation.document]: [shelf.document[position] for position in positions]}
    groups: dict[int, dict[str, Any]] = {}
    for group, item in (shelf.places[position] for position in positions):
        answered = groups.setdefault(group, {**shelf.document[group], inner: []})
        answered[inner].append(shelf.document[group][inner][item])
    return {LISTS[operation.document]: list(groups.values())}


def _hidden(operation: Operation, collection: Collection, parameters: Mapping[str, Any]) -> set[int]:
    """Resources that AWS manages for the account, which are shown on demand only."""
    if not operation.hides_managed or parameters.get("IncludeManagedResources"):
        return set()
    managed = collection.at("Operator.Managed").get("true", ())
    return {at for at in managed if collection.resources[at]["Operator"].get("HiddenByDefault", True)}


def _identified(index: Index, identifiers: Sequence[str], not_found: str | None, hidden: set[int]) -> set[int]:
    missing = [identifier for identifier in identifiers if not set(index.get(identifier, ())) - hidden]
    if missing and not_found is not None:
        raise AwsError(not_found, f"The ID '{', '.join(missing)}' does not exist")
    return {position for identifier in identifiers for position in index.get(identifier, ())}


def _filters(
    operation: Operation, collection: Collection, parameters: Mapping[str, Any]
) -> list[tuple[Index, Sequence[str]]]:
    filters = parameters.get(operation.filter_parameter, []) if operation.filter_parameter else []
    if sum(len(each.get("Values", ())) for each in filters) > MOST_FILTER_VALUES:
        raise AwsError(
            "FilterLimitExceeded",
            f"The maximum number of filter values specified on a single call is {MOST_FILTER_VALUES}",
        )
    return [(_index_of(operation, collection, each.get("Name", "")), _values_of(each)) for each in filters]


def _index_of(operation: Operation, collection: Collection, filter_name: str) -> Index:
    if filter_name in operation.filters:
        return collection.at(operation.filters[filter_name])
    if filter_name == "tag-key":
        return collection.with_tag_keys()
    if filter_name.startswith("tag:"):
        return collection.with_tag(filter_name.removeprefix("tag:"))
    raise AwsError("InvalidParameterValue", f"The filter '{filter_name}' is invalid")


def _values_of(each: Mapping[str, Any]) -> Sequence[str]:
    values: Sequence[str] = each.get("Values", ())
    if not values:
        raise AwsError("InvalidParameterValue", f"The filter '{each['Name']}' has no values")
    return values


def _page(
    operation: Operation, pages: Pages, positions: Sequence[int], parameters: Mapping[str, Any]
) -> tuple[Sequence[int], str | None]:
    """One page of positions and the token of the next; after the last what AWS has there."""
    size = parameters.get(pages.size, pages.default or pages.largest)
    if pages.cuts:
        size = min(size, pages.largest)
    if not pages.smallest <= size <= pages.largest:
        raise AwsError(
            pages.bad_size,
            f"Value ( {size} ) for parameter {pages.size} is invalid: {pages.smallest} to {pages.largest}",
        )
    clash = [name for name in pages.without if name in parameters]
    if clash and pages.size in parameters:
        raise AwsError("InvalidParameterCombination", f"The parameter {pages.size} cannot be used with {clash[0]}")
    fingerprint = _fingerprint(operation, pages, parameters)
    start = _start(pages, parameters.get(pages.cursor), fingerprint)
    end = start + size
    return positions[start:end], _token(end, fingerprint) if end < len(positions) else pages.last_cursor


def _fingerprint(operation: Operation, pages: Pages, parameters: Mapping[str, Any]) -> str:
    """What a token belongs to: the same call, whatever its page size."""
    asked = {name: value for name, value in parameters.items() if name not in {pages.size, pages.cursor}}
    return hashlib.sha256(
        json.dumps([operation.service, operation.name, asked], sort_keys=True, default=str).encode()
    ).hexdigest()[:16]


def _token(start: int, fingerprint: str) -> str:
    return base64.urlsafe_b64encode(f"{start}:{fingerprint}".encode()).decode()


def _start(pages: Pages, token: str | None, fingerprint: str) -> int:
    if token is None or token == pages.last_cursor:
        return 0
    try:
        start, _, belongs_to = base64.b64decode(token, altchars=b"-_", validate=True).decode().partition(":")
        if belongs_to == fingerprint:
            return int(start)
    except ValueError:  # not base64, not UTF-8 or not a number: as wrong as another call's token
        pass
    raise AwsError(pages.bad_cursor, f"The token {token!r} is not valid for this call")
