"""What each panel draws from its answer."""

from collections import defaultdict
from collections.abc import Callable, Sequence
from typing import Final

from workbench.report import time_charts
from workbench.report.answers import TOP, Answers, Row
from workbench.report.bars import Bar, Segment, bar, bars, legend
from workbench.report.classes import CHARGES, class_name, class_order, class_style, legend_of
from workbench.report.heat import has_many, heat
from workbench.report.markup import Markup, join, name_of, tag
from workbench.report.numerals import count_figure, dollars_figure, octets_figure, percent_figure
from workbench.report.over_time import FEW, Series, accepted, series
from workbench.report.sankey import NARROW, WIDE, sankey
from workbench.report.tables import framed, table

# Bars with a name of their own; all others are one bar.
MOST_BARS: Final = 12
_STATUS_STYLES: Final = {"resolved": "same-az", "subnet": "aws-service", "absent": "private-unknown"}
_NOTHING: Final = tag("p", "Nothing here in these days.", class_="nothing")


def classes_over_time(answers: Answers) -> Markup:
    """Columns by hour, or bars of a few hours."""
    found = series(answers)
    if not any(bucket.total for bucket in found.buckets):
        return _NOTHING
    used = {name for bucket in found.buckets for name in bucket.by_class}
    key = legend(legend_of(used))
    if len(found.buckets) <= FEW:
        return join(key, _few_hours(found))
    before = (
        tag("p", tag("span", class_="line"), " total of the period before", class_="beside")
        if any(bucket.before is not None for bucket in found.buckets)
        else tag("p", "The lake does not reach into the period before.", class_="beside")
    )
    unit = tag("p", f"Bytes a {found.unit}, UTC", class_="beside")
    title = "Bytes by time and class; the table below has the figures"
    frames = (time_charts.WIDE, time_charts.NARROW)
    return join(key, unit, [time_charts.stacked(found, frame, title) for frame in frames], before)


def _few_hours(found: Series) -> Markup:
    rows = [
        Bar(
            tag("span", found.name(bucket)),
            tuple(
                Segment(bucket.by_class[name], class_style(name)) for name in sorted(bucket.by_class, key=class_order)
            ),
            (
                octets_figure(bucket.total),
                octets_figure(bucket.before) if bucket.before is not None else tag("span", "no data", class_="none"),
            ),
        )
        for bucket in found.buckets
    ]
    return framed(
        bars(rows, (found.unit, "by class", "bytes", "period before"), "Bytes by hour and class", "traffic_over_time"),
        "Bytes by hour and class",
    )


def zones(answers: Answers) -> Markup:
    """The heat map."""
    rows = answers.rows("cross_az_traffic")
    if not rows:
        return _NOTHING
    return framed(
        heat(rows, "Bytes from zone to zone, with the estimate", "cross_az_traffic"), "Bytes from zone to zone"
    )


def has_many_zones(answers: Answers) -> bool:
    """Whether the heat map needs the whole width."""
    return has_many(answers.rows("cross_az_traffic"))


def classes(answers: Answers) -> Markup:
    """A bar a class."""
    sums: dict[str, list[int]] = defaultdict(lambda: [0, 0, 0])
    for row in accepted(answers.rows("traffic_over_time")):
        for place, column in enumerate(("bytes", "flows", "uncounted_bytes")):
            sums[row["traffic_class"]][place] += row[column]
    total = sum(octets for octets, _, _ in sums.values())
    if not sums:
        return _NOTHING
    rows = [
        Bar(
            tag("bdi", class_name(name)),
            (Segment(sums[name][0], class_style(name)),),
            (
                octets_figure(sums[name][0]),
                percent_figure(_percent(sums[name][0], total)),
                count_figure(sums[name][1]),
                octets_figure(sums[name][2]),
            ),
        )
        for name in sorted(sums, key=lambda name: (-sums[name][0], class_order(name)))
    ]
    heads = ("class", "share", "bytes", "of all", "flows", "not counted")
    return framed(bars(rows, heads, "Bytes by class", "traffic_over_time"), "Bytes by class")


def projects(answers: Answers) -> Markup:
    """The flows between projects, for wide and for narrow screens."""
    rows = answers.rows("project_traffic")
    if not any(row["bytes"] for row in rows):
        return _NOTHING
    key = legend([("cross-az", "between zones"), ("band", "all else")])
    title = "Bytes from project to project; the table below has the figures"
    return join(key, [sankey(rows, shape, title) for shape in (WIDE, NARROW)])


def costs(answers: Answers) -> Markup:
    """A stacked bar a project that pays."""
    sums: dict[str, dict[str, float]] = defaultdict(lambda: defaultdict(float))
    unknown: dict[str, int] = defaultdict(int)
    for row in answers.rows("class_costs"):
        sums[row["project"]][row["traffic_class"] or "unknown"] += float(row["estimated_usd"])
        unknown[row["project"]] += row["not_estimated_bytes"]
    if not sums:
        return _NOTHING
    ranked = sorted(sums, key=lambda name: (-sum(sums[name].values()), name))
    # One more than fits is shown rather than called others.
    kept = ranked if len(ranked) <= MOST_BARS + 1 else ranked[:MOST_BARS]
    rows = [_cost_bar(name_of(name), sums[name], unknown[name]) for name in kept]
    if rest := ranked[len(kept) :]:
        together: dict[str, float] = defaultdict(float)
        for name in rest:
            for traffic_class, usd in sums[name].items():
                together[traffic_class] += usd
        rows.append(_cost_bar(tag("span", f"{len(rest):,} others"), together, sum(unknown[name] for name in rest)))
    used = {name for by_class in sums.values() for name, usd in by_class.items() if usd > 0}
    key = legend(legend_of(used))
    heads = ("project", "by class", "estimated US dollars", "not estimated")
    return join(key, framed(bars(rows, heads, "Estimated US dollars by project", "class_costs"), "Estimate by project"))


def _cost_bar(name: Markup, by_class: dict[str, float], not_estimated: int) -> Bar:
    segments = [Segment(by_class[each], class_style(each)) for each in sorted(by_class, key=class_order)]
    return Bar(name, tuple(segments), (dollars_figure(round(sum(by_class.values()), 6)), octets_figure(not_estimated)))


def charges(answers: Answers) -> Markup:
    """A bar a charge; what has no estimate stands there with its bytes."""
    rows = [
        Bar(
            name_of(CHARGES.get(row["charge"], row["charge"])),
            (Segment(float(row["estimated_usd"] or 0), "cross-az" if "cross_az" in row["charge"] else "charge"),),
            (dollars_figure(row["estimated_usd"]), octets_figure(row["bytes"])),
        )
        for row in answers.rows("estimated_charges")
    ]
    if not rows:
        return _NOTHING
    heads = ("charge", "estimate", "estimated US dollars", "bytes")
    return framed(bars(rows, heads, "Estimated US dollars by charge", "estimated_charges"), "Estimate by charge")


def crossing_share(answers: Answers) -> Markup:
    """A line, or bars of a few hours."""
    found = series(answers)
    by_hour = {row["hour_utc"]: row["percent_of_bytes"] for row in answers.rows("cross_az_over_time")}
    shares = [
        by_hour.get(found.name(bucket))
        if found.hours == 1
        else _percent(bucket.by_class.get("cross_az", 0), bucket.total)
        for bucket in found.buckets
    ]
    if all(value is None for value in shares):
        return _NOTHING
    if len(shares) <= FEW:
        rows = [
            Bar(
                tag("span", found.name(bucket)),
                (Segment(value or 0, "cross-az"), Segment(100 - (value or 0), "rest")),
                (percent_figure(value),),
            )
            for bucket, value in zip(found.buckets, shares, strict=True)
        ]
        heads = (found.unit, "of 100 %", "between zones")
        return framed(
            bars(rows, heads, "Percent of bytes between zones", "cross_az_over_time"), "Percent between zones"
        )
    title = "Percent of bytes between zones over time; the table below has the figures"
    return join([time_charts.share(shares, found, frame, title) for frame in (time_charts.WIDE, time_charts.NARROW)])


def talkers(answers: Answers) -> Markup:
    """The table of the largest sources, with a bar of their bytes."""
    answer = answers.of["top_talkers"]
    largest = max((row["bytes"] for row in answer.rows), default=0)

    def drawn(row: Row) -> Markup:
        crossing = min(float(row["cross_az_gigabytes"]) * 1e9, row["bytes"])
        return bar((Segment(crossing, "cross-az"), Segment(row["bytes"] - crossing, "rest")), largest)

    columns = ("place", "source", "src_name", "src_resource_type", "src_project", "src_az_id", "src_vpc_id", "flows",
               "bytes", "estimated_usd")  # fmt: skip
    return table(answer, columns, "Largest sources", extra=("bytes", drawn)) if answer.rows else _NOTHING


def affinity(answers: Answers) -> Markup:
    """What could stay in its zone."""
    columns = ("project", "src_name", "src_az_id", "dst_name", "dst_az_id", "twins_in_src_az", "flows", "bytes",
               "estimated_usd")  # fmt: skip
    return _listed(answers, "az_affinity_candidates", columns, "Candidates for AZ affinity")


def endpoints(answers: Answers) -> Markup:
    """What could leave the NAT gateways."""
    columns = ("project", "aws_service", "nat_gateway", "sent_bytes", "received_bytes", "estimated_usd",
               "unnamed_bytes")  # fmt: skip
    return _listed(answers, "nat_endpoint_savings", columns, "Traffic for a gateway endpoint")


def unknown_talkers(answers: Answers) -> Markup:
    """Who has no project, and why: sums a reason first, then the largest."""
    answer = answers.of["unresolved_talkers"]
    columns = ("place", "reason", "status", "talker", "resource_type", "name", "vpc_id", "subnet_id", "flows",
               "sent_bytes", "received_bytes")  # fmt: skip
    return table(answer, columns, "Largest talkers without a project") if answer.rows else _NOTHING


def statuses(answers: Answers) -> Markup:
    """Both ends' statuses."""
    rows = [row for part in ("source", "destination") for row in _part(answers, part)]
    return _shares(rows, "Ends by what is known of them", lambda row: f"{row['part']}: {row['what']}")


def records(answers: Answers) -> Markup:
    """Which rows of the lake count."""
    return _shares(_part(answers, "records"), "Records by whether they count", lambda row: str(row["what"]))


def _shares(rows: Sequence[Row], caption: str, words: Callable[[Row], str]) -> Markup:
    if not rows:
        return _NOTHING
    drawn = [
        Bar(
            name_of(words(row)),
            (Segment(float(row["flows"]), _style_of(row)),),
            (count_figure(row["flows"]), percent_figure(row["percent"]), octets_figure(row["bytes"])),
        )
        for row in rows
    ]
    return framed(bars(drawn, ("what", "share", "records", "of all", "bytes"), caption, "unresolved_share"), caption)


def _style_of(row: Row) -> str:
    if row["part"] == "records":
        return "same-az" if row["what"] == "counted" else "rest"
    return _STATUS_STYLES.get(row["what"], "unknown")


def _listed(answers: Answers, name: str, columns: Sequence[str], caption: str) -> Markup:
    answer = answers.of[name]
    return table(answer, columns, caption, TOP) if answer.rows else _NOTHING


def _part(answers: Answers, part: str) -> list[Row]:
    return [row for row in answers.rows("unresolved_share") if row["part"] == part]


def _percent(part: float, whole: float) -> float | None:
    return round(100 * part / whole, 2) if whole else None
