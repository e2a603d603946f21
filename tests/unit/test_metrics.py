"""What is counted: names, units, and the figures of enriched rows."""

import pyarrow as pa
import pytest

from enricher.metrics import BYTES, COUNT, METRICS, SECONDS, Metric, figures, of_rows, value_counts


def rows(**columns: list[str | None]) -> pa.Table:
    """Enriched rows with these words."""
    return pa.table({name: pa.array(words, pa.string()).dictionary_encode() for name, words in columns.items()})


def test_rows_are_counted_by_status_reporter_and_log_status():
    """A side without an address has no status; a row without a reporter is counted as none."""
    table = rows(
        src_status=["resolved", "resolved", "unresolved", None, "stale"],
        dst_status=["absent", "unresolved", "ambiguous", None, "subnet"],
        reporter=["src", "dst", None, "hop", "src"],
        log_status=["OK", None, "OK", "SKIPDATA", "NODATA"],
    )

    assert of_rows(table) == {
        "Src_resolved": 2,
        "Src_unresolved": 1,
        "Src_stale": 1,
        "Dst_absent": 1,
        "Dst_unresolved": 1,
        "Dst_ambiguous": 1,
        "Dst_subnet": 1,
        "UnresolvedSides": 3,
        "Reporter_src": 2,
        "Reporter_dst": 1,
        "Reporter_hop": 1,
        "Reporter_none": 1,
        "SkipData": 1,
    }


def test_no_rows_have_nothing_to_count():
    """SKIPDATA alone is told as zero: an alarm watches it."""
    assert of_rows(rows(src_status=[], dst_status=[], reporter=[], log_status=[])) == {"SkipData": 0}


@pytest.mark.parametrize(
    "column",
    [
        pa.array(["a", None, "b", "a"]),
        pa.array(["a", None, "b", "a"]).dictionary_encode(),
        pa.chunked_array([["a", None], ["b", "a"]]),
        pa.DictionaryArray.from_arrays(pa.array([0, None, 1, 2], pa.int32()), pa.array(["a", "b", "a"])),
    ],
    ids=["plain", "dictionary", "chunks", "dictionary with a word twice"],
)
def test_values_are_counted_however_they_are_stored(column):
    """Null is a value; a word is counted once even where its dictionary holds it twice."""
    assert value_counts(column) == {"a": 2, None: 1, "b": 1}


def test_figures_carry_the_unit_of_their_name_or_family():
    """In the order of their names."""
    assert figures({"Rows": 5, "BytesIn": 7, "BatchSeconds": 0.5, "Rejects_bad_json": 2, "Src_resolved": 3}) == [
        Metric("BatchSeconds", SECONDS, 0.5),
        Metric("BytesIn", BYTES, 7),
        Metric("Rejects_bad_json", COUNT, 2),
        Metric("Rows", COUNT, 5),
        Metric("Src_resolved", COUNT, 3),
    ]


@pytest.mark.parametrize("name", ["Row", "rows", "Rejected_bad_json", "Src", "Unknown"])
def test_a_name_that_is_not_documented_is_a_defect(name):
    """Whatever is counted has a unit and a meaning."""
    with pytest.raises(KeyError):
        figures({name: 1})


def test_every_metric_has_a_unit_and_a_meaning():
    """Units are CloudWatch's own words; names are fit for a metric."""
    assert {unit for unit, _ in METRICS.values()} == {"Count", "Bytes", "Seconds"}
    assert [name for name, (_, meaning) in METRICS.items() if not meaning] == []
    assert [name for name in METRICS if not name.removesuffix("_*").isalnum()] == []
