"""The cloud's refusals: what an AWS service answers instead of a result, in the words of each protocol."""

import json
from typing import Any, Final
from xml.sax.saxutils import escape

from werkzeug.wrappers import Response

# https://docs.aws.amazon.com/AWSEC2/latest/APIReference/errors-overview.html and S3's list of error codes; every code
# not named here is a client error, 400.
_STATUS_OF_CODE: Final = {
    "AccessDenied": 403,
    "ConditionalRequestConflict": 409,
    "DryRunOperation": 412,
    "InternalError": 500,
    "InternalFailure": 500,
    "PreconditionFailed": 412,
    "RequestLimitExceeded": 503,
    "ServiceUnavailable": 503,
    "SlowDown": 503,
    "Unavailable": 503,
    "UnauthorizedOperation": 403,
}

_XML: Final = {
    "ec2": "<Response><Errors><Error>{error}</Error></Errors><RequestID>{request_id}</RequestID></Response>",
    "query": (
        "<ErrorResponse><Error><Type>Sender</Type>{error}</Error><RequestId>{request_id}</RequestId></ErrorResponse>"
    ),
    "rest-xml": "<Error>{error}<RequestId>{request_id}</RequestId></Error>",
}


class AwsError(Exception):
    """A call is refused; the client sees it as a ``ClientError`` with this code.

    Args:
        code: AWS's error code, such as ``InvalidSubnetID.NotFound``.
        message: One sentence for the reader.
        status: HTTP status; None takes AWS's own for the code.
    """

    def __init__(self, code: str, message: str, status: int | None = None) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code
        self.message = message
        self.status = status or _STATUS_OF_CODE.get(code, 400)


def refusal(error: AwsError, protocol: str, request_id: str) -> Any:
    """The HTTP response for a refused call.

    Args:
        error: What to say.
        protocol: ``ec2``, ``query``, ``rest-xml``, ``json`` or ``rest-json``.
        request_id: What boto3 shows as ``ResponseMetadata.RequestId``.
    """
    if protocol in _XML:
        said = f"<Code>{escape(error.code)}</Code><Message>{escape(error.message)}</Message>"
        body = f'<?xml version="1.0" encoding="UTF-8"?>\n{_XML[protocol].format(error=said, request_id=request_id)}'
        return Response(body, error.status, content_type="text/xml;charset=UTF-8")
    body = json.dumps({"__type": error.code, "message": error.message})
    headers = {"x-amzn-ErrorType": error.code, "x-amzn-RequestId": request_id}
    return Response(body, error.status, headers, content_type="application/json")
