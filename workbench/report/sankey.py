"""Bytes from project to project: senders on the left, receivers on the right, what crosses zones in its own colour."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from workbench.report.answers import Row
from workbench.report.classes import NO_PROJECTS
from workbench.report.markup import Markup, join, shortened, tag, visible
from workbench.report.numerals import octets

OTHER: Final = "(other projects)"
_GAP: Final = 5.0
_SLOT: Final = 19.0  # a node has at least a line's height, so that names never touch
_NODE: Final = 10.0
_TOP: Final = 26.0


@dataclass(frozen=True, slots=True)
class Shape:
    """How large the drawing is: in pixels, with room for names at both sides, and how many projects have their own."""

    width: float
    names: float
    height: float
    projects: int
    letters: int


WIDE: Final = Shape(1120, 236, 480, 9, 20)
NARROW: Final = Shape(380, 92, 560, 7, 13)


@dataclass(frozen=True, slots=True)
class Link:
    """What one (group of) project(s) sent to another: bytes, and those of them that crossed zones."""

    source: str
    target: str
    bytes: int
    crossing: float


@dataclass(frozen=True, slots=True)
class Node:
    """A (group of) project(s) on one side: where it stands and how thick it is."""

    name: str
    bytes: int
    top: float
    height: float


def links(rows: Sequence[Row], most: int) -> list[Link]:
    """Rows of ``project_traffic`` with all but the ``most`` largest projects together; no link without bytes."""
    kept = {*_largest(rows, most), *NO_PROJECTS}
    sums: dict[tuple[str, str], list[float]] = defaultdict(lambda: [0, 0.0])
    for row in rows:
        if row["bytes"] > 0:
            pair = tuple(row[f"{side}_project"] if row[f"{side}_project"] in kept else OTHER for side in ("src", "dst"))
            sums[pair[0], pair[1]][0] += row["bytes"]
            sums[pair[0], pair[1]][1] += float(row["cross_az_gigabytes"] or 0) * 1e9
    return [Link(source, target, int(total), min(part, total)) for (source, target), (total, part) in sums.items()]


def _largest(rows: Sequence[Row], most: int) -> list[str]:
    """The projects that send and receive most; all where only one would be left: it is no group of others."""
    totals: dict[str, int] = defaultdict(int)
    for row in rows:
        for side in ("src", "dst"):
            if row[f"{side}_project"] not in NO_PROJECTS and row["bytes"] > 0:
                totals[row[f"{side}_project"]] += row["bytes"]
    ranked = sorted(totals, key=lambda name: (-totals[name], name))
    return ranked if len(ranked) <= most + 1 else ranked[:most]


def nodes(found: Sequence[Link], side: str, scale: float) -> list[Node]:
    """One side's nodes from top to bottom: projects by bytes, then the others, then what is no project."""
    totals: dict[str, int] = defaultdict(int)
    for link in found:
        totals[getattr(link, side)] += link.bytes
    placed, top = [], _TOP
    for name in sorted(totals, key=lambda name: (_rank(name), -totals[name], name)):
        height = totals[name] * scale
        slot = max(height, _SLOT)
        placed.append(Node(name, totals[name], top + (slot - height) / 2, height))
        top += slot + _GAP
    return placed


def sankey(rows: Sequence[Row], shape: Shape, title: str) -> Markup:
    """The drawing; empty where nothing was sent."""
    found = links(rows, shape.projects)
    scale = _scale(found, shape.height)
    sources, targets = (nodes(found, side, scale) for side in ("source", "target"))
    bottom = max((node.top + max(node.height, _SLOT) for node in (*sources, *targets)), default=_TOP)
    drawn = join(
        tag("title", title),
        tag("text", "from", x=shape.names, y=12, text_anchor="end", class_="head"),
        tag("text", "to", x=shape.width - shape.names, y=12, class_="head"),
        _ribbons(found, sources, targets, shape, scale),
        [_drawn_node(node, shape, is_source=True) for node in sources],
        [_drawn_node(node, shape, is_source=False) for node in targets],
    )
    style = "wide" if shape is WIDE else "narrow"
    opening = f'<svg class="sankey {style}" viewBox="0 0 {shape.width:.0f} {bottom + 6:.0f}" role="img">'
    return Markup(f"{opening}{drawn}</svg>")


def _scale(found: Sequence[Link], height: float) -> float:
    """Pixels a byte so that the higher side fills ``height``; names' lines take their room first."""
    total = sum(link.bytes for link in found)
    if not total:
        return 0.0
    low, high = 0.0, height / total
    for _ in range(40):
        middle = (low + high) / 2
        ends = [
            node.top + max(node.height, _SLOT)
            for side in ("source", "target")
            for node in nodes(found, side, middle)[-1:]
        ]
        low, high = (middle, high) if max(ends) <= height else (low, middle)
    # So many names that their lines alone are too high: thin, but to scale.
    return low or height / total / 4


def _rank(name: str) -> int:
    """Projects first."""
    if name == OTHER:
        return 1
    return 2 + NO_PROJECTS.index(name) if name in NO_PROJECTS else 0


def _ribbons(
    found: Sequence[Link], sources: Sequence[Node], targets: Sequence[Node], shape: Shape, scale: float
) -> list[Markup]:
    """Each link as one band; its part that crosses zones lies below, in the crossing's colour."""
    left, right = {node.name: node.top for node in sources}, {node.name: node.top for node in targets}
    order = {node.name: place for place, node in enumerate(targets)}
    origin = {node.name: place for place, node in enumerate(sources)}
    starts = {}
    for link in sorted(found, key=lambda link: order[link.target]):
        starts[link] = left[link.source]
        left[link.source] += link.bytes * scale
    drawn = []
    for link in sorted(found, key=lambda link: origin[link.source]):
        begin, end = starts[link], right[link.target]
        right[link.target] += link.bytes * scale
        staying, crossing = (link.bytes - link.crossing) * scale, link.crossing * scale
        words = (
            f"{visible(link.source)} to {visible(link.target)}: {octets(link.bytes)}, "
            f"{octets(link.crossing)} of it between zones"
        )
        bands = [
            _band(begin, end, staying, shape, "same"),
            _band(begin + staying, end + staying, crossing, shape, "cross"),
        ]
        drawn.append(tag("g", tag("title", words), bands, data_bytes=link.bytes))
    return drawn


def _band(begin: float, end: float, thickness: float, shape: Shape, style: str) -> Markup | None:
    if thickness <= 0:
        return None
    x0, x1 = shape.names + 8 + _NODE, shape.width - shape.names - 8 - _NODE
    middle = (x0 + x1) / 2
    path = (
        f"M{x0:.1f} {begin:.2f}C{middle:.1f} {begin:.2f} {middle:.1f} {end:.2f} {x1:.1f} {end:.2f}"
        f"V{end + thickness:.2f}C{middle:.1f} {end + thickness:.2f} {middle:.1f} {begin + thickness:.2f} "
        f"{x0:.1f} {begin + thickness:.2f}Z"
    )
    return tag("path", d=path, class_=f"band-{style}")


def _drawn_node(node: Node, shape: Shape, *, is_source: bool) -> Markup:
    x = shape.names + 8 if is_source else shape.width - shape.names - 8 - _NODE
    text_x = shape.names if is_source else shape.width - shape.names
    middle = node.top + node.height / 2
    label = shortened(visible(node.name), shape.letters)
    is_tall = node.height >= 2 * _SLOT
    words: Mapping[str, str] = {"text_anchor": "end"} if is_source else {}
    named = tag("tspan", label, x=text_x, y=middle - 3 if is_tall else middle + 4.5, class_="name")
    amount = tag("tspan", octets(node.bytes), x=text_x, y=middle + 14, class_="amount")
    beside = tag("tspan", f" {octets(node.bytes)}", class_="amount") if shape is WIDE else None
    return tag(
        "g",
        tag("title", f"{visible(node.name)}: {octets(node.bytes)}"),
        tag("rect", x=x, y=node.top, width=_NODE, height=max(node.height, 0.5), class_="node"),
        tag("text", named, amount if is_tall else beside, **words),
        data_node="source" if is_source else "target",
        data_bytes=node.bytes,
    )
