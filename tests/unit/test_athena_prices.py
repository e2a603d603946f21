"""The price table as data and as a view."""

import json
from decimal import Decimal
from pathlib import Path

import pytest
from athena_lake import write_lake

from workbench.athena.engine import VIEWS, Lake
from workbench.athena.errors import QueryError
from workbench.athena.prices import PRICES, VIEW, load_prices, render_prices_view


def _table(tmp_path: Path, *charges: dict[str, object]) -> Path:
    file = tmp_path / "prices.json"
    file.write_text(json.dumps({"as_of": "2026-09-20", "region": "us-east-1", "charges": charges}))
    return file


def _charge(**changes: object) -> dict[str, object]:
    return {
        "charge": "cross_az",
        "charged_sides": 2,
        "usd_per_gb_and_side": "0.01",
        "valid_from": "2000-01-01",
        "valid_to": "2026-01-01",
        "source": "it's a list",
        **changes,
    }


def test_the_view_in_the_repository_is_written_from_the_table():
    """athena/views/prices.sql is what prices.json renders to; it lies where the engine looks for views."""
    assert render_prices_view(load_prices()) == VIEW.read_text("utf-8")
    assert VIEW.parent == VIEWS


def test_the_table_holds_the_list_prices():
    """Dollars a GB and side, as the price list of the facts gives them."""
    prices = {price.charge: (price.usd_per_gb_and_side, price.charged_sides) for price in load_prices(PRICES).prices}

    assert {
        "cross_az": (Decimal("0.01"), 2),
        "cross_az_nat": (Decimal("0.01"), 2),
        "cross_region": (Decimal("0.02"), 1),
        "free": (Decimal(0), 1),
        "internet_out": (Decimal("0.09"), 1),
        "interface_endpoint": (Decimal("0.01"), 1),
        "ipv6_other_vpc": (Decimal("0.01"), 2),
        "nat_gateway": (Decimal("0.045"), 1),
        "public_ipv4": (Decimal("0.01"), 2),
        "transit_gateway": (Decimal("0.02"), 1),
    } == prices


def test_the_view_answers_the_table(tmp_path):
    """Prices are doubles, also 0.045; a quote in a source stays one."""
    table = load_prices(
        _table(tmp_path, _charge(), _charge(charge="nat", charged_sides=1, usd_per_gb_and_side="0.045"))
    )
    views = tmp_path / "views"
    views.mkdir()
    (views / "prices.sql").write_text(render_prices_view(table))

    with Lake(write_lake(tmp_path, [{"day": "2026-03-01", "hour": "00"}]), views) as lake:
        result = lake.run("SELECT charge, charged_sides, usd_per_gb_and_side, valid_to, as_of, source FROM prices")

    assert result.rows == (
        ("cross_az", 2, 0.01, "2026-01-01", "2026-09-20", "it's a list"),
        ("nat", 1, 0.045, "2026-01-01", "2026-09-20", "it's a list"),
    )
    assert result.types[2] == "double"


def test_a_price_applies_on_its_days_only(tmp_path):
    """A flow is priced by the entry that is valid on its day: from valid_from on, before valid_to."""
    charges = (
        _charge(valid_to="2026-03-02"),
        _charge(usd_per_gb_and_side="0.03", valid_from="2026-03-02", valid_to="2026-03-03"),
    )
    views = tmp_path / "views"
    views.mkdir()
    for name in ("flow_rows", "flows_judged", "flows_once", "flow_costs"):
        (views / f"{name}.sql").write_text((VIEWS / f"{name}.sql").read_text("utf-8"))
    (views / "prices.sql").write_text(render_prices_view(load_prices(_table(tmp_path, *charges))))
    flow = {"hour": "00", "reporter": "src", "srcaddr": "10.0.0.1", "dstaddr": "10.0.0.2", "traffic_class": "cross_az"}

    days = ("2026-03-01", "2026-03-02", "2026-03-03")
    with Lake(write_lake(tmp_path, [{**flow, "day": day} for day in days]), views) as lake:
        rows = lake.run("SELECT day, charge, usd_per_gb FROM flow_costs ORDER BY day").rows

    assert rows == (
        ("2026-03-01", "cross_az", 0.02),
        ("2026-03-02", "cross_az", 0.06),
        ("2026-03-03", "cross_az", None),
    )


@pytest.mark.parametrize(
    "charges",
    [
        (_charge(), _charge(valid_from="2025-12-31", valid_to="2027-01-01")),
        (_charge(charged_sides=3),),
        (_charge(usd_per_gb_and_side="cheap"),),
        (_charge(valid_from="soon"),),
        (_charge(discount="0.1"),),
        ({"charge": "cross_az"},),
    ],
)
def test_a_table_that_contradicts_itself_is_refused(tmp_path, charges):
    """Overlapping days, unknown or missing members and values that are none end in one line with the file's name."""
    with pytest.raises(QueryError, match=r"^prices .*prices\.json: .+; .+$"):
        load_prices(_table(tmp_path, *charges))
