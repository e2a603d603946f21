"""The resources of one kind in one account and region, found by what they hold.

An inverted index per path is built when it is first asked for, so a filtered call costs what it finds, not what
there is: 20,000 interfaces answer in milliseconds.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, Final

Resource = Mapping[str, Any]
Index = Mapping[str, Sequence[int]]

# What a filter sees where a resource has no such member: nobody manages it but its owner.
_WHERE_ABSENT: Final = {"Operator.Managed": "false"}


class Collection:
    """Resources in their document's order; positions in that order are how callers name them.

    Paths are members, dotted, lists gone through: ``PrivateIpAddresses.PrivateIpAddress``. Values are compared as
    filters write them: text, booleans as ``true`` and ``false``.

    Args:
        resources: As the AWS CLI prints them.
        tags: The member that lists ``{"Key": …, "Value": …}``.
    """

    def __init__(self, resources: Sequence[Resource], tags: str) -> None:
        self.resources = resources
        self._tags = tags
        self._indexes: dict[str, Index] = {}

    def __len__(self) -> int:
        return len(self.resources)

    def at(self, path: str) -> Index:
        """Value at the path → positions of the resources that have it."""
        parts = path.split(".")
        return self._index(path, lambda resource: _values(resource, parts))

    def with_tag(self, key: str) -> Index:
        """Value of that tag → positions."""
        return self._index(f"tag:{key}", lambda resource: (v for k, v in self._tags_of(resource) if k == key))

    def with_tag_keys(self) -> Index:
        """Tag key → positions."""
        return self._index("tag-key", lambda resource: (k for k, _ in self._tags_of(resource)))

    def _tags_of(self, resource: Resource) -> Iterator[tuple[str, str]]:
        return ((tag["Key"], tag["Value"]) for tag in resource.get(self._tags, ()))

    def _index(self, name: str, values_of: Callable[[Resource], Iterator[str]]) -> Index:
        index = self._indexes.get(name)
        if index is None:
            # Two threads may build the same index at once: they build equal ones.
            index = self._indexes[name] = self._build(name, values_of)
        return index

    def _build(self, name: str, values_of: Callable[[Resource], Iterator[str]]) -> Index:
        index: dict[str, list[int]] = {}
        for position, resource in enumerate(self.resources):
            values = set(values_of(resource))
            if not values and name in _WHERE_ABSENT:
                values = {_WHERE_ABSENT[name]}
            for value in values:
                index.setdefault(value, []).append(position)
        return index


def _values(value: Any, path: Sequence[str]) -> Iterator[str]:
    if isinstance(value, list):
        for item in value:
            yield from _values(item, path)
    elif path:
        if path[0] in value:
            yield from _values(value[path[0]], path[1:])
    elif isinstance(value, bool):
        yield "true" if value else "false"
    else:
        yield str(value)


def look_up(index: Index, values: Iterable[str]) -> set[int]:
    """Positions under any of these values; ``*`` is any text, ``?`` one character, a backslash takes that away.

    https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/Using_Filtering.html
    """
    found: set[int] = set()
    for value in values:
        if any(character in value for character in "*?\\"):
            pattern = _pattern(value)
            found.update(*(positions for candidate, positions in index.items() if pattern.fullmatch(candidate)))
        else:
            found.update(index.get(value, ()))
    return found


def _pattern(value: str) -> re.Pattern[str]:
    wildcards = {"*": ".*", "?": "."}
    tokens = re.findall(r"\\.|.", value, re.DOTALL)
    return re.compile("".join(wildcards.get(token) or re.escape(token[-1]) for token in tokens), re.DOTALL)
