"""Which API call an HTTP request is: service, operation, region, account, parameters.

https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv.html (the credential scope names region and service)
"""

import io
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import parse_qsl, unquote

from botocore.exceptions import UnknownServiceError
from moto.core.request import Request
from moto.core.routing import get_service_router
from moto.iam.models import get_account_id_from
from werkzeug.exceptions import NotFound

Environ = dict[str, Any]

# Classic load balancers have the other kinds' signing name; the API version tells them apart.
_CLASSIC_VERSION: Final = "2012-06-01"

# Credential=<access key>/<date>/<region>/<service>/aws4_request, in the header or in a presigned address
_SCOPE: Final = re.compile(r"Credential=([^/&]+)/\d+/([^/]+)/([^/]+)/aws4_request")

_READ: Final = "workbench.cloud.call"  # a request's call, in its environ

# Where a service signs with another name than boto3 has for it.
_SERVICE_OF_SIGNING_NAME: Final = {
    "elasticloadbalancing": "elbv2",
    "monitoring": "cloudwatch",
    "states": "stepfunctions",
    "tagging": "resourcegroupstaggingapi",
}


@dataclass(frozen=True, slots=True)
class ApiCall:
    """One call as it arrived.

    Attributes:
        service: boto3's name, such as ``ec2`` or ``s3``.
        operation: Such as ``DescribeVpcs``; ``GET /path`` where the service's model knows no such operation.
        params: ``ec2`` and ``query`` services: the form as sent; JSON services: the body; REST services (S3): what the
            path, the query string and the headers say. Object bodies are not kept.
        account_id: The account of the access key: of the role assumed, else the default account.
        region: Of the credential scope.
        protocol: ``ec2``, ``query``, ``json``, ``rest-xml`` or ``rest-json``.
    """

    service: str
    operation: str
    params: Mapping[str, Any]
    account_id: str
    region: str
    protocol: str


def read_call(environ: Environ) -> ApiCall | None:
    """The API call in a WSGI request, None where it is not signed; ``wsgi.input`` is left as it was found.

    It is read once: whoever stands before the cloud may have asked before.
    """
    if _READ not in environ:
        environ[_READ] = _read_call(environ)
    call: ApiCall | None = environ[_READ]
    return call


def _read_call(environ: Environ) -> ApiCall | None:
    scope = _SCOPE.search(unquote(environ.get("HTTP_AUTHORIZATION") or environ.get("QUERY_STRING", "")))
    if scope is None:
        return None
    access_key, region, signing_name = scope.groups()
    service = _SERVICE_OF_SIGNING_NAME.get(signing_name, signing_name)
    operation, params, protocol = _read_operation(environ, service)
    if service == "elbv2" and params.get("Version") == _CLASSIC_VERSION:
        service = "elb"
    return ApiCall(service, operation, params, get_account_id_from(access_key), region, protocol)


def _read_operation(environ: Environ, service: str) -> tuple[str, dict[str, Any], str]:
    target = environ.get("HTTP_X_AMZ_TARGET")
    if target:
        return target.rpartition(".")[2], json.loads(_body(environ) or b"{}"), "json"
    if environ.get("CONTENT_TYPE", "").startswith("application/x-www-form-urlencoded"):
        form = dict(parse_qsl(_body(environ).decode(), keep_blank_values=True))
        return form.get("Action", ""), form, "ec2" if service == "ec2" else "query"
    return _read_rest(environ, service)


def _body(environ: Environ) -> bytes:
    body: bytes = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
    environ["wsgi.input"] = io.BytesIO(body)
    return body


def _read_rest(environ: Environ, service: str) -> tuple[str, dict[str, Any], str]:
    request = Request(environ)
    try:
        operation, params = get_service_router(service).match(request)
    except (UnknownServiceError, NotFound, NotImplementedError):
        return f"{request.method} {request.path}", {}, "rest-json"
    places = {"querystring": request.args, "header": request.headers}
    for name, member in (operation.input_shape.members if operation.input_shape else {}).items():
        sent = places.get(member.serialization.get("location"), {})
        if member.type_name != "map" and member.serialization.get("name") in sent:
            params[name] = sent[member.serialization["name"]]
    return operation.name, params, operation.service_model.metadata["protocol"]
