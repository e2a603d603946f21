"""What a call of an API needs, by the reviewed table tests/data/iam/calls.yaml."""

import itertools
import re
from collections.abc import Callable, Iterator, Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any, Final

import yaml

TABLE: Final = Path(__file__).resolve().parents[1] / "data" / "iam" / "calls.yaml"
ACCOUNT: Final = "123456789012"
PLACE: Final = re.compile(r"\{([A-Za-z.]+)\}")

Needs = tuple[tuple[str, ...], tuple[str, ...], tuple[tuple[str, str], ...]]


@lru_cache(maxsize=1)
def table() -> dict[str, Any]:
    """The table as data."""
    read: dict[str, Any] = yaml.safe_load(TABLE.read_text(encoding="utf-8"))
    return read


def needs(service: str, operation: str, params: Mapping[str, Any], region: str) -> Needs:
    """The actions, the resources and the condition keys of a call; nothing where the table does not know it."""
    entry = table().get(service, {}).get("calls", {}).get(operation)
    if entry is None:
        return (), (), ()
    told = {**params, "region": region, "account": ACCOUNT}
    resources = tuple(sorted({found for each in entry["resources"] for found in filled(each, told)}))
    context = {"aws:RequestedRegion": region, "aws:SecureTransport": "true"}
    for key, text in entry.get("context", {}).items():
        context.update((key, found) for found in filled(text, told))
    return tuple(entry["actions"]), resources, tuple(sorted(context.items()))


def filled(text: str, params: Mapping[str, Any]) -> Iterator[str]:
    """The text with a call's parameters in its places: of lists each; none where a parameter is not given."""
    places = PLACE.findall(text)
    for values in itertools.product(*(list(_at(params, place.split("."))) for place in places)):
        told = dict(zip(places, values, strict=True))
        yield PLACE.sub(_from(told), text)


def _from(told: Mapping[str, str]) -> Callable[[re.Match[str]], str]:
    return lambda place: told[place[1]]


def _at(value: Any, path: list[str]) -> Iterator[str]:
    if isinstance(value, list | tuple):
        for each in value:
            yield from _at(each, path)
    elif not path:
        yield str(value)
    elif path[0] in value:
        yield from _at(value[path[0]], path[1:])
