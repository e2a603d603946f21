"""AWS as the command line meets it: clients of the environment's credentials, and failures as one line."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any


@contextmanager
def aws_failures() -> Iterator[None]:
    """What AWS, or the way there, refuses becomes an OSError: the command failed, and may be run again."""
    from botocore.exceptions import BotoCoreError, ClientError  # noqa: PLC0415 - half a second, for those who need it
    from urllib3.exceptions import HTTPError  # noqa: PLC0415 - of a refusal whose body stops coming

    try:
        yield
    except (BotoCoreError, ClientError, HTTPError) as error:
        raise OSError(f"{' '.join(str(error).split())}; it can be run again, nothing is written twice") from error


def clients() -> Callable[[str], Any]:
    """A maker of boto3 clients from the environment's credentials, region and endpoint; one a service."""

    @cache
    def client(service: str) -> Any:
        import boto3  # noqa: PLC0415 - half a second, for those who need it
        from botocore.config import Config  # noqa: PLC0415 - same

        retries = {"mode": "standard", "total_max_attempts": 5}
        return boto3.client(service, config=Config(connect_timeout=5, read_timeout=60, retries=retries))

    return client
