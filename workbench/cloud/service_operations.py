"""Operations of other services than EC2 that this cloud answers itself: load balancers, scaling groups, tags.

https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_DescribeLoadBalancers.html,
https://docs.aws.amazon.com/elasticloadbalancing/2012-06-01/APIReference/API_DescribeLoadBalancers.html,
https://docs.aws.amazon.com/autoscaling/ec2/APIReference/API_DescribeAutoScalingInstances.html,
https://docs.aws.amazon.com/resourcegroupstagging/latest/APIReference/API_GetResources.html
"""

from typing import Final

from .operation import Identifier, Operation, Pages
from .tagging import by_tags_and_types

_LOAD_BALANCER_PAGES: Final = Pages(
    size="PageSize",
    cursor="Marker",
    next_cursor="NextMarker",
    smallest=1,
    largest=400,
    bad_size="ValidationError",
    bad_cursor="ValidationError",
)

SERVICE_OPERATIONS: Final = (
    Operation(
        service="elbv2",
        name="DescribeLoadBalancers",
        document="load-balancers",
        identifiers={
            "LoadBalancerArns": Identifier("LoadBalancerArn", "LoadBalancerNotFound"),
            "Names": Identifier("LoadBalancerName", "LoadBalancerNotFound"),
        },
        pages=_LOAD_BALANCER_PAGES,
        filter_parameter=None,
    ),
    Operation(
        service="elb",
        name="DescribeLoadBalancers",
        document="classic-load-balancers",
        identifiers={"LoadBalancerNames": Identifier("LoadBalancerName", "LoadBalancerNotFound")},
        pages=_LOAD_BALANCER_PAGES,
        filter_parameter=None,
    ),
    Operation(
        service="autoscaling",
        name="DescribeAutoScalingInstances",
        document="auto-scaling-instances",
        identifiers={"InstanceIds": Identifier("InstanceId", None)},
        pages=Pages(size="MaxRecords", smallest=1, largest=50, bad_size="ValidationError"),
        filter_parameter=None,
    ),
    Operation(
        service="resourcegroupstaggingapi",
        name="GetResources",
        document="tagged-resources",
        identifiers={"ResourceARNList": Identifier("ResourceARN", None)},
        pages=Pages(
            size="ResourcesPerPage",
            cursor="PaginationToken",
            next_cursor="PaginationToken",
            smallest=1,
            largest=100,
            default=50,
            last_cursor="",
            bad_size="InvalidParameterException",
            bad_cursor="InvalidParameterException",
        ),
        filter_parameter=None,
        narrowing=by_tags_and_types,
    ),
)
