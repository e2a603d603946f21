"""AWS as the command line meets it: clients of the environment's credentials, and failures as one line."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any, Final

from workbench.errors import UsageError

AGAIN: Final = "it can be run again, nothing is written twice"
# What AWS calls a caller that may not: services differ.
_DENIED: Final = ("AccessDenied", "AccessDeniedException", "UnauthorizedOperation", "AuthorizationError", "403")
_EXPIRED: Final = ("ExpiredToken", "ExpiredTokenException", "RequestExpired", "TokenRefreshRequired")
_UNKNOWN: Final = ("InvalidClientTokenId", "UnrecognizedClientException", "InvalidAccessKeyId", "SignatureDoesNotMatch",
                   "AuthFailure", "InvalidSignatureException")  # fmt: skip
_LOG_IN: Final = "log in again (`aws sso login`, `aws configure`), or set AWS_PROFILE"


@contextmanager
def aws_failures(mend: str = AGAIN, has_written: Callable[[], bool] = lambda: False) -> Iterator[None]:
    """What AWS, or the way there, refuses becomes one line.

    A caller without credentials, region or right is a UsageError: trying again mends nothing, and nothing is written.
    All else, and a right that is missing once ``has_written``, is an OSError that ends with ``mend``: the command
    failed.
    """
    from botocore.exceptions import BotoCoreError, ClientError  # noqa: PLC0415 - half a second, for those who need it
    from urllib3.exceptions import HTTPError  # noqa: PLC0415 - of a refusal whose body stops coming

    try:
        yield
    except (BotoCoreError, ClientError, HTTPError) as error:
        told = " ".join(str(error).split()).rstrip(".")
        advice = _advice(error)
        if advice is not None and not has_written():
            raise UsageError(f"AWS: {told}; {advice}") from error
        raise OSError(f"{told}; {mend if advice is None else advice}") from error


def _advice(error: Exception) -> str | None:
    """What the caller has to mend; None where it is not theirs to mend."""
    from botocore import exceptions  # noqa: PLC0415 - as above

    if isinstance(error, exceptions.ClientError):
        code = error.response.get("Error", {}).get("Code", "")
        if code in _DENIED:
            policy = "analyst" if "Query" in error.operation_name else "operator"
            return f"allow the caller {error.operation_name} there, see docs/{policy}-policy.json"
        return _LOG_IN if code in (*_EXPIRED, *_UNKNOWN) else None
    mends = {
        exceptions.NoRegionError: "give --region where the command has it, or set AWS_DEFAULT_REGION",
        exceptions.ProfileNotFound: "set AWS_PROFILE to a profile of `aws configure list-profiles`",
        exceptions.NoCredentialsError: _LOG_IN,
        exceptions.PartialCredentialsError: _LOG_IN,
        exceptions.SSOError: _LOG_IN,
        exceptions.TokenRetrievalError: _LOG_IN,
        exceptions.CredentialRetrievalError: _LOG_IN,
    }
    return next((mend for kind, mend in mends.items() if isinstance(error, kind)), None)


def clients(region: str | None = None, endpoint: str | None = None) -> Callable[[str], Any]:
    """A maker of boto3 clients from the environment's credentials; one a service.

    Args:
        region: None: the environment's.
        endpoint: a URL that takes the place of the service's own; None: the environment's, else AWS's.
    """

    @cache
    def client(service: str) -> Any:
        import boto3  # noqa: PLC0415 - half a second, for those who need it
        from botocore.config import Config  # noqa: PLC0415 - same

        retries = {"mode": "standard", "total_max_attempts": 5}
        config = Config(connect_timeout=5, read_timeout=60, retries=retries)
        # A session of its own: the default one remembers whoever asked first in this process.
        return boto3.Session().client(service, region_name=region, endpoint_url=endpoint, config=config)

    return client
