"""A made-up estate whose every interface is known, and its traffic whose every flow is known.

``build_estate`` gives the inventory as the AWS CLI prints it, ``generate_traffic`` flow log lines and their truth.
"""

from workbench.estate.distributions import BENCH, DEMO, PRESETS, Distributions
from workbench.estate.estate import Estate, build_estate
from workbench.estate.traffic import DEFAULT_FIELDS, Traffic, generate_traffic

__all__ = [
    "BENCH",
    "DEFAULT_FIELDS",
    "DEMO",
    "PRESETS",
    "Distributions",
    "Estate",
    "Traffic",
    "build_estate",
    "generate_traffic",
]
