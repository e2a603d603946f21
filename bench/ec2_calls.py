"""EC2 requests of a cold and of a warm batch, counted at the stand-in cloud: no snapshot, 400 unique endpoints."""

from dataclasses import replace
from math import ceil

from bench.material import REGION, SECONDS, START, Material
from enricher.handler import Environment
from enricher.log_format import LogFormats
from enricher.settings import Ec2Settings, Settings
from workbench.cloud import LocalCloud

_VALUES_A_CALL = 200


def few_endpoints(material: Material, most: int) -> Material:
    """The material's records up to the one that would bring in more than ``most`` unique packet addresses."""
    places = [material.fields.index(name) for name in ("pkt-srcaddr", "pkt-dstaddr")]
    seen: set[str] = set()
    count = 0
    for line in material.lines:
        words = line.split()
        seen |= {words[place] for place in places} - {"-"}
        if len(seen) > most:
            break
        count += 1
    return replace(
        material, lines=material.lines[:count], event={**material.event, "records": material.event["records"][:count]}
    )


def count_calls(material: Material, endpoints: int = 400) -> tuple[int, int, int]:
    """(calls of the cold batch, most calls allowed, calls of the same batch again)."""
    small = few_endpoints(material, endpoints)
    settings = Settings(
        lake_bucket="bench-lake",
        log_formats=LogFormats((small.log_format,)),
        ec2=Ec2Settings(call_budget=1_000, deadline_s=60),
    )
    with LocalCloud(small.documents) as cloud:
        s3 = cloud.client("s3")
        s3.create_bucket(Bucket="bench-lake")
        environment = Environment(
            settings, lambda: START + SECONDS + 300, {"s3": s3, "ec2": cloud.client("ec2", REGION)}
        )
        environment.handle(small.event, 300)
        cold = cloud.count("ec2")
        environment.handle({**small.event, "deliveryStreamArn": "arn:aws:firehose:us-east-1:123456789012:other"}, 300)
        warm = cloud.count("ec2") - cold
    interfaces = {line.split()[small.fields.index("interface-id")] for line in small.lines} - {"-"}
    allowed = 4 + 2 * ceil(len(interfaces) / _VALUES_A_CALL) + 2 * ceil(endpoints / _VALUES_A_CALL)
    return cold, allowed, warm
