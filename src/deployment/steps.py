"""A deployment's steps in their order, within the function's time."""

from collections.abc import Callable
from typing import Any

from deployment.bundle import Bundle
from deployment.code import put_code
from deployment.deadline import Deadline
from deployment.refresher import refresh_once
from deployment.request import Properties
from deployment.views import create_views

__all__ = ["Deadline", "deploy"]


def deploy(
    properties: Properties, bundle: Bundle, make_client: Callable[[str], Any], deadline: Deadline
) -> dict[str, str]:
    """Do all steps; returns the custom resource's ``Data``.

    Raises:
        DeploymentError: the code could not be put, or a view not created.
    """
    refreshed = refresh_once(properties.refresh_function, make_client, deadline)
    put_code(properties.bucket, bundle, make_client("s3"), deadline)
    create_views(bundle.views, properties.database, properties.work_group, make_client("athena"), deadline)
    return {
        "CodePrefix": bundle.code_prefix,
        "Version": bundle.version,
        "Views": str(len(bundle.views)),
        "Refresh": refreshed,
    }
