"""The dated price table as a view: ``athena/prices.json`` is the source, ``athena/views/prices.sql`` written from it.

To change a price: end the old entry's ``valid_to`` on the day it ends (that day is no longer in it), add an entry from
that day on, set ``as_of``, and write the view again with ``python -m workbench.athena.prices``.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import date
from decimal import Decimal, InvalidOperation
from itertools import pairwise
from pathlib import Path
from typing import Any, Final

from workbench.athena.errors import QueryError

PRICES: Final = Path(__file__).resolve().parents[2] / "athena" / "prices.json"
VIEW: Final = PRICES.parent / "views" / "prices.sql"


_TEMPLATE: Final = """\
-- title: Prices of data transfer
-- question: What does a GB (1e9 bytes) cost, on which day, and who pays?
-- columns: charge; charged_sides (1: the source pays, 2: both sides pay); usd_per_gb_and_side; valid_from, valid_to
--   (the first day, and the first day no more); region; as_of (when the list was read); source
-- partitions: none
--
-- Written from athena/prices.json by `python -m workbench.athena.prices`; change it there. List prices of
-- @region@: what they give is an estimate.
CREATE OR REPLACE VIEW prices AS
SELECT
    p.charge,
    p.charged_sides,
    p.usd_per_gb_and_side,
    p.valid_from,
    p.valid_to,
    p.region,
    p.as_of,
    p.source
FROM (VALUES
@rows@
) AS p (charge, charged_sides, usd_per_gb_and_side, valid_from, valid_to, region, as_of, source)
"""


@dataclass(frozen=True, slots=True)
class Price:
    """What one charge costs while ``valid_from`` <= day < ``valid_to`` (YYYY-MM-DD).

    ``usd_per_gb_and_side``: US dollars a GB (1e9 bytes) for each of ``charged_sides`` (1: the source pays; 2: both).
    """

    charge: str
    charged_sides: int
    usd_per_gb_and_side: Decimal
    valid_from: str
    valid_to: str
    source: str


@dataclass(frozen=True, slots=True)
class PriceTable:
    """Prices of one region, looked up on the day ``as_of``; no two of a charge overlap."""

    as_of: str
    region: str
    prices: tuple[Price, ...]


def load_prices(file: Path = PRICES) -> PriceTable:
    """The price table of a JSON file.

    Raises:
        QueryError: the file is not a price table, or two entries of a charge are valid on one day.
    """
    try:
        document = json.loads(file.read_text("utf-8"))
        table = PriceTable(
            _day(document["as_of"]), document["region"], tuple(_price(entry) for entry in document["charges"])
        )
    except (OSError, ValueError, KeyError, TypeError, InvalidOperation) as error:
        raise QueryError(f"prices {file}: {error!r}; compare it with the entries around it") from error
    ordered = sorted(table.prices, key=lambda price: (price.charge, price.valid_from))
    for one, following in pairwise(ordered):
        if one.charge == following.charge and one.valid_to > following.valid_from:
            where = f"prices {file}: {one.charge} has two prices on {following.valid_from}"
            raise QueryError(f"{where}; end the first with valid_to {following.valid_from}")
    return PriceTable(table.as_of, table.region, tuple(ordered))


def render_prices_view(table: PriceTable) -> str:
    """The SQL of the view ``prices``: one row a price."""
    rows = ",\n".join(f"    ({_row(table, price)})" for price in table.prices)
    return _TEMPLATE.replace("@region@", table.region).replace("@rows@", rows)


def _price(entry: Mapping[str, Any]) -> Price:
    unknown = sorted(set(entry) ^ {field.name for field in fields(Price)})
    if unknown:
        raise ValueError(f"{', '.join(unknown)} in {entry.get('charge')}")
    if entry["charged_sides"] not in (1, 2):
        raise ValueError(f"charged_sides {entry['charged_sides']} of {entry['charge']}")
    return Price(
        entry["charge"],
        entry["charged_sides"],
        Decimal(entry["usd_per_gb_and_side"]),
        _day(entry["valid_from"]),
        _day(entry["valid_to"]),
        entry["source"],
    )


def _day(text: str) -> str:
    return date.fromisoformat(text).isoformat()


def _row(table: PriceTable, price: Price) -> str:
    # A literal with an exponent is a double on every engine; 0.01 would be a decimal on Athena.
    dollars = f"{price.usd_per_gb_and_side.normalize():E}".replace("E+", "E")
    values: Sequence[str] = [
        _text(price.charge), str(price.charged_sides), dollars, _text(price.valid_from), _text(price.valid_to),
        _text(table.region), _text(table.as_of), _text(price.source),
    ]  # fmt: skip
    return ", ".join(values)


def _text(value: str) -> str:
    return "'" + value.replace("'", "''") + "'"


def main() -> None:
    """Write the view again."""
    VIEW.write_text(render_prices_view(load_prices()), "utf-8")


if __name__ == "__main__":
    main()
