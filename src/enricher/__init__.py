"""VPC flow log enrichment: the function's rooms, in the order a flow record travels."""

__version__ = "0.1.0"
