"""The two drawings over time: stacked columns of bytes, and a line of a share."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from workbench.report.classes import class_name, class_order, class_style
from workbench.report.markup import Child, Markup, join, tag
from workbench.report.numerals import octets, percent
from workbench.report.over_time import Bucket, Series, labels, ticks


@dataclass(frozen=True, slots=True)
class Frame:
    """How large a drawing is, in pixels, and how many names fit below it."""

    style: str
    width: float
    height: float
    labels: int

    @property
    def right(self) -> float:
        """Where the plot ends; names of values stand left of ``_LEFT``."""
        return self.width - 8

    @property
    def bottom(self) -> float:
        """Where the plot ends below; times stand under it."""
        return self.height - 26


WIDE: Final = Frame("wide", 1120, 300, 10)
HALF: Final = Frame("wide", 540, 250, 6)
NARROW: Final = Frame("narrow", 380, 260, 4)
_LEFT: Final = 62.0
_ABOVE: Final = 12.0


def stacked(found: Series, frame: Frame, title: str) -> Markup:
    """A column a bucket, its classes on each other; a line where the period before was."""
    largest = max([bucket.total for bucket in found.buckets] + [bucket.before or 0 for bucket in found.buckets])
    scale = ticks(largest)
    pitch = (frame.right - _LEFT) / len(found.buckets)
    height = frame.bottom - _ABOVE
    columns = []
    for place, bucket in enumerate(found.buckets):
        x, below = _LEFT + place * pitch, frame.bottom
        drawn = []
        for name in sorted(bucket.by_class, key=class_order):
            tall = height * bucket.by_class[name] / scale[-1]
            below -= tall
            if tall > 0:
                drawn.append(
                    tag("rect", x=x + pitch * 0.08, y=below, width=pitch * 0.84, height=tall,
                        class_=f"fill-{class_style(name)}")
                )  # fmt: skip
        if not bucket.has_data:
            drawn.append(tag("rect", x=x, y=_ABOVE, width=pitch, height=height, class_="gap"))
        columns.append(tag("g", tag("title", _words(found, bucket)), drawn, data_bytes=bucket.total))
    line = _before(found.buckets, pitch, lambda value: frame.bottom - height * value / scale[-1])
    return _framed(frame, title, _grid(frame, scale, octets), columns, line, _times(found, frame, pitch))


def share(shares: Sequence[float | None], found: Series, frame: Frame, title: str) -> Markup:
    """A line through each bucket's percentage; it breaks where there is none."""
    scale = ticks(max((value or 0 for value in shares), default=0))
    scale = [value for value in scale if value <= 100] or [0.0, 100.0]  # noqa: PLR2004 - all of it
    pitch = (frame.right - _LEFT) / len(shares)
    height = frame.bottom - _ABOVE
    path, dots, is_drawing = [], [], False
    radius = min(4.0, pitch / 3)
    for place, value in enumerate(shares):
        if value is None:
            is_drawing = False
            continue
        x, y = _LEFT + (place + 0.5) * pitch, frame.bottom - height * value / max(scale[-1], value)
        path.append(f"{'L' if is_drawing else 'M'}{x:.1f} {y:.1f}")
        words = tag("title", f"{found.name(found.buckets[place])}: {percent(value)}")
        dots.append(tag("circle", words, cx=x, cy=y, r=radius, class_="dot", data_percent=value))
        is_drawing = True
    line = tag("path", d="".join(path), class_="share")
    return _framed(frame, title, _grid(frame, scale, percent), line, dots, _times(found, frame, pitch))


def _framed(frame: Frame, title: str, *drawn: Child) -> Markup:
    opening = f'<svg class="chart {frame.style}" viewBox="0 0 {frame.width:.0f} {frame.height:.0f}" role="img">'
    return Markup(f"{opening}{join(tag('title', title), drawn)}</svg>")


def _grid(frame: Frame, scale: Sequence[float], words: Callable[[float], str]) -> Markup:
    height = frame.bottom - _ABOVE
    lines = []
    for value in scale:
        y = frame.bottom - height * value / scale[-1]
        lines.append(tag("line", x1=_LEFT, x2=frame.right, y1=y, y2=y, class_="base" if value == 0 else "grid"))
        lines.append(tag("text", words(value), x=_LEFT - 8, y=y + 4.5, text_anchor="end", class_="tick"))
    return join(lines)


def _times(found: Series, frame: Frame, pitch: float) -> Markup:
    return join(
        [
            tag("text", name, x=min(_LEFT + (place + 0.5) * pitch, frame.right - 16), y=frame.height - 7,
                text_anchor="middle", class_="tick")
            for place, name in labels(found, frame.labels)
        ]
    )  # fmt: skip


def _before(buckets: Sequence[Bucket], pitch: float, height_of: Callable[[float], float]) -> Markup | None:
    path = []
    is_drawing = False
    for place, bucket in enumerate(buckets):
        if bucket.before is None:
            is_drawing = False
            continue
        y = height_of(bucket.before)
        path.append(
            f"{'L' if is_drawing else 'M'}{_LEFT + place * pitch:.1f} {y:.1f}H{_LEFT + (place + 1) * pitch:.1f}"
        )
        is_drawing = True
    return tag("path", d="".join(path), class_="before") if path else None


def _words(found: Series, bucket: Bucket) -> str:
    if not bucket.has_data:
        return f"{found.name(bucket)}: no data"
    parts = [f"{class_name(name)} {octets(bucket.by_class[name])}" for name in sorted(bucket.by_class, key=class_order)]
    before = [] if bucket.before is None else [f"previous period {octets(bucket.before)}"]
    return f"{found.name(bucket)}: {', '.join([octets(bucket.total), *parts, *before])}"
