"""Defects that the judges must see: a check that cannot fail shows nothing."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from reliability.fuzz.function import NOW
from reliability.hostile_files.case import EITHER, REFUSED, TAKEN, Case, pointer_to
from reliability.hostile_files.documents import unsound
from reliability.hostile_files.formats import Findings, Told
from reliability.hostile_files.hot_path import PLACE, HotPath, Reader, published
from reliability.hostile_files.pointers import lie
from reliability.hostile_files.watch import Watch

_BROKEN = Case("broken", {PLACE.key: b"{"})


def defects() -> Iterator[tuple[str, bool]]:
    """Each planted defect, and whether a judge saw it."""
    path = HotPath()
    body = lie()
    key = PLACE.snapshot_key(NOW, body)
    # The two machines have each other's addresses, and the reader believes it.
    lies = Case("lie", {key: body, PLACE.key: pointer_to(key, NOW)}, EITHER)
    yield "a wrong endpoint", any("is named" in finding for finding in path.findings(lies))
    yield "what should be refused is taken", any(path.findings(replace(lies, must=REFUSED)))
    yield "what should be taken is refused", any(path.findings(replace(_BROKEN, must=TAKEN)))
    yield "a row is lost", any(HotPath(_Losing).findings(_BROKEN))
    yield "the function ends", any(HotPath(_Crashing).findings(_BROKEN))
    yield "what was known is forgotten", any(HotPath(_Forgetting).findings(_BROKEN))
    documents = {"network-interfaces": {"NetworkInterfaces": [{"NetworkInterfaceId": "eni-other"}]}}
    yield "a name of which nobody told", any(unsound(Reader(published()).rows(0), documents))
    text, other = "${version} ${srcaddr} ${interface-id} ${vpc-id}", ("version", "srcaddr", "vpc-id", "interface-id")
    yield "fields in another order", any(Findings().of(Told("planted", text, other)))
    yield "a good format is refused", any(Findings().of(Told("planted", "${srcaddr", other)))
    yield (
        "an error that nobody looked for",
        any("ended in LookupError" in told for told in Watch().over("it", _broken())),
    )
    yield "a bad format is taken", any(Findings().of(Told("planted", text)))


def _broken() -> Iterator[str]:
    """A judge's findings of what ends in an error of Python's own."""
    yield "a finding"
    raise LookupError


class _Losing(Reader):
    """Loses a row."""

    def rows(self, number: int) -> list[dict[str, Any]]:
        """See Reader."""
        return super().rows(number)[number:]


class _Crashing(Reader):
    """Ends in an error of Python's own once the bucket has turned."""

    def turn(self, case: Case) -> None:
        """See Reader."""
        super().turn(case)
        self.environment = None  # type: ignore[assignment]  # what no code of ours does


class _Forgetting(Reader):
    """Begins anew once the bucket has turned."""

    def turn(self, case: Case) -> None:
        """See Reader."""
        super().turn(case)
        self.restart()
