"""Rows of lakes for the report's tests: texts that want to be markup, many projects, two weeks, huge numbers."""

from typing import Any

from reliability.hostile import hostile_values

MONDAY = 1772409600  # 2026-03-02 00:00 UTC
HOUR = 3600
CLASSES = ("cross_az", "same_az", "internet", "aws_service", "cross_region", "private_unknown", "unknown")
ZONES = ("use1-az1", "use1-az2", "use1-az4")

# Beside the corpus of values: what only a page could be hurt by.
HOSTILE = (
    *hostile_values(),
    "</title><svg onload=window.hacked=1>",
    "</style><style>*{display:none}</style>",
    "<a href='javascript:window.hacked=1'>click</a>",
    "<iframe srcdoc='<script>top.hacked=1</script>'></iframe>",
    "<meta http-equiv=refresh content='0;url=http://198.51.100.7/'>",
    "\u202egnp.exe \u2066x\u2069\u200b",
    "x" * 256,
)


def row(number: int, **columns: Any) -> dict[str, Any]:
    """A counted flow that no other number has; at the beginning of Monday unless told otherwise."""
    start = columns.pop("start", MONDAY)
    days, hour = divmod((start - MONDAY) // HOUR, 24)
    day = f"2026-03-{2 + days:02}" if days >= -1 else f"2026-02-{30 + days + 1:02}"
    plain = {
        "day": day, "hour": f"{hour:02}", "start": start, "end": start + 60, "action": "ACCEPT", "log_status": "OK",
        "reporter": "src", "srcport": 1024 + number % 60_000, "dstport": 443, "protocol": 6,
        "srcaddr": f"10.0.{number // 250 % 250}.{number % 250}",
        "dstaddr": f"10.1.{number // 250 % 250}.{number % 250}",
        "packets": 10, "bytes": 1_000_000, "traffic_class": "cross_az", "interface_id": f"eni-{number:017x}",
        "src_interface_id": f"eni-{number:017x}", "dst_interface_id": f"eni-{number:016x}f",
        "src_status": "resolved", "dst_status": "resolved", "src_vpc_id": "vpc-1", "dst_vpc_id": "vpc-1",
        "src_evidence": "record", "dst_evidence": "snapshot", "inventory_age_s": 60, "enricher_version": "0.1.0",
        "src_az_id": ZONES[number % 3], "dst_az_id": ZONES[(number + 1) % 3],
        "src_project": "shop", "dst_project": "shop", "src_name": "web", "dst_name": "db",
    }  # fmt: skip
    return plain | columns


def hostile(texts: tuple[str, ...] = HOSTILE, start: int = MONDAY) -> list[dict[str, Any]]:
    """Each text as every text of both sides that a page could show, and again where the views know the other words."""
    names = ("project", "name", "resource_id", "resource_type", "az_id", "vpc_id", "subnet_id", "status")
    rows = []
    for number, text in enumerate(texts):
        told = {f"{side}_{name}": text for side in ("src", "dst") for name in names} | {"start": start, "srcport": 9}
        rows.append(row(2 * number, **told, enricher_version=text, bytes=1000 * (number + 1)))
        known = {"src_status": "resolved", "dst_status": "absent", "traffic_class": text}
        rows.append(row(2 * number + 1, **told | known))
    return rows


def two_weeks() -> list[dict[str, Any]]:
    """Every hour of two weeks, the second with double the bytes; a day of the second is missing."""
    rows = []
    for hour in range(14 * 24):
        if hour // 24 == 10:
            continue
        for place, traffic_class in enumerate(CLASSES):
            wave = 5 + (hour % 24) * (24 - hour % 24) // 8 + place
            size = 40_000_000 * wave * (2 if hour >= 7 * 24 else 1) // (place + 1)
            source, target = f"team-{hour % 5}", f"team-{(hour + place) % 7}"
            rows.append(
                row(hour * 7 + place, start=MONDAY + hour * HOUR, hour="23", traffic_class=traffic_class, bytes=size,
                    src_project=source, dst_project=target)
            )  # fmt: skip
    return rows


def many_projects(count: int = 3000, start: int = MONDAY) -> list[dict[str, Any]]:
    """Thousands of projects with long names, one pair with more bytes than a screen has digits for, 14 zones."""
    rows = [
        row(number, start=start, srcport=7, bytes=1_000_000 + number,
            src_project=f"a-rather-long-project-name-of-business-unit-{number:05}", dst_project="platform",
            src_az_id=f"use1-az{number % 14}", dst_az_id=f"use1-az{(number + 1) % 14}")
        for number in range(count)
    ]  # fmt: skip
    return [*rows, row(count, start=start, bytes=7_654_321_987_654_321_000, packets=9_007_199_254_740_993)]
