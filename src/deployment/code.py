"""The Glue jobs' code into the lake's bucket, each file with one conditional put.

The prefix tells the content, so a file that is there (412) is the same file. S3 user guide, "Conditional writes".
"""

from typing import Any, Final

from botocore.exceptions import BotoCoreError, ClientError

from deployment.bundle import Bundle
from deployment.deadline import Deadline
from deployment.errors import DeploymentError

_THERE: Final = frozenset({"PreconditionFailed", "412"})
_CONFLICT: Final = frozenset({"ConditionalRequestConflict", "409"})
_ATTEMPTS: Final = 5
_PAUSE_S: Final = 1.0


def put_code(bucket: str, bundle: Bundle, s3: Any, deadline: Deadline) -> None:
    """Put every file of the bundle's code that is not there yet.

    Raises:
        DeploymentError: a file could not be put; names the key and S3's reason.
    """
    for path in bundle.code:
        key = f"{bundle.code_prefix}{path.name}"
        deadline.require(f"code {key}")
        try:
            _put_if_absent(s3, bucket, key, path.read_bytes(), deadline)
        except (ClientError, BotoCoreError) as error:
            raise DeploymentError(f"code s3://{bucket}/{key}: {error}; the role needs s3:PutObject there") from error


def _put_if_absent(s3: Any, bucket: str, key: str, body: bytes, deadline: Deadline) -> None:
    for attempt in range(1, _ATTEMPTS + 1):
        try:
            s3.put_object(Bucket=bucket, Key=key, Body=body, IfNoneMatch="*")
        except ClientError as error:
            code = error.response.get("Error", {}).get("Code")
            if code in _THERE:
                return
            if code not in _CONFLICT or attempt == _ATTEMPTS:
                raise
            deadline.wait(_PAUSE_S, f"code {key}")
        else:
            return
