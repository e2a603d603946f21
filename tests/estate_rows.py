"""Flow log lines of the made-up estate as mappings, each with what the truth says of it."""

from collections import defaultdict


def parse(traffic):
    """Lines as mappings with ``truth``: the line's row of ``line_truth``."""
    names = traffic.header.split()
    meanings = traffic.line_truth.to_pylist()
    return [
        dict(zip(names, line.split(" "), strict=True)) | {"truth": meaning}
        for line, meaning in zip(traffic.lines, meanings, strict=True)
    ]


def with_data(rows):
    """The rows that are records of a flow."""
    return [row for row in rows if row["truth"]["truth_id"] is not None]


def by_flow(rows):
    """Records by truth_id."""
    found = defaultdict(list)
    for row in with_data(rows):
        found[row["truth"]["truth_id"]].append(row)
    return found
