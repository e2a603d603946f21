"""Estates with a past, and what is explained of one address in them: shared by the tests of ``vpcflow explain``."""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

import pyarrow as pa
from made_by_hand import Document, enriched

from enricher.addresses import Address
from enricher.explain import Answer, Explainer
from enricher.inventory import ADDRESS_SCHEMA, Inventory, InventoryTables
from enricher.inventory_documents import tables_of
from enricher.schema import DEFAULT_PROMOTED_TAGS
from enricher.sources import Source

# (address or prefix, VPC, interface, valid from, seen until, still so when last seen); times in Unix seconds or None.
Owned = tuple[str, str | None, str, int | None, int | None, bool]


def past(documents: Mapping[str, Document], owned: Iterable[Owned]) -> InventoryTables:
    """The documents' inventory, in which exactly these ownerships were seen."""
    tables = tables_of(documents)
    row_of = {name: row for row, name in enumerate(tables.interfaces["interface_id"].to_pylist())}
    rows = [
        dict(zip(ADDRESS_SCHEMA.names, (address, vpc_id, row_of[name], *span), strict=True))
        for address, vpc_id, name, *span in owned
    ]
    seen = [row["seen_until"] for row in rows if row["seen_until"] is not None]
    return replace(
        tables,
        addresses=pa.Table.from_pylist(rows, ADDRESS_SCHEMA).sort_by("address"),
        observed_at=float(max(seen)) if seen else None,
    )


def explainer(tables: InventoryTables, address: str) -> Explainer:
    """Explains the address by a snapshot of these tables."""
    source = Source(Inventory(tables, DEFAULT_PROMOTED_TAGS), "snapshot")
    return Explainer(tables, source, Address.parse(address))


def said(answer: Answer) -> tuple[str, str | None, str | None]:
    """(status, evidence, interface) of an answer."""
    return answer.columns["status"], answer.columns["evidence"], answer.columns["interface_id"]


def left_out(explained: Explainer, answer: Answer) -> list[tuple[str, str, str | None]]:
    """(interface, reason, interface because of which) of each ownership left out, oldest first."""
    names = [explained.interface(each)["interface_id"] for each in explained.ownerships]
    return [
        (names[each.ownership], each.reason, None if each.by is None else names[each.by]) for each in answer.left_out
    ]


def destination(tables: InventoryTables, address: str, vpc_id: str | None, at: int) -> dict[str, Any]:
    """The ``dst_`` columns that ``enrich`` writes for one line to the address, recorded in a VPC at that second."""
    source = Source(Inventory(tables, DEFAULT_PROMOTED_TAGS), "snapshot")
    recorder = "fd12:3456::9" if ":" in address else "10.99.99.99"
    line = f"5 eni-recorder i-recorder {vpc_id or '-'} - - {recorder} {address} {recorder} {address} {at} {at} egress -"
    (row,) = enriched([line], source)
    columns = {name.removeprefix("dst_"): value for name, value in row.items() if name.startswith("dst_")}
    return {**columns, "tags": None if columns["tags"] is None else dict(columns["tags"])}
