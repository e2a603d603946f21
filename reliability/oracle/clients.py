"""boto3 clients of the bench: the SDK's own retries without its waits, and little patience with the wire."""

from collections.abc import Mapping
from typing import Any, Final

import boto3
from botocore.config import Config
from botocore.retries import quota, standard

from reliability.oracle.producer import REGION

ATTEMPTS: Final = 3
READ_SECONDS: Final = 0.35
_QUOTA: Final = "bench-quota"
PATIENT_SECONDS: Final = 30.0
_CONFIG: Final = Config(
    connect_timeout=5,
    retries={"mode": "standard", "total_max_attempts": ATTEMPTS},
    s3={"addressing_style": "path"},
    proxies={},
    max_pool_connections=30,
)
_SESSION: Final = boto3.Session(aws_access_key_id="testing", aws_secret_access_key="testing", region_name=REGION)  # noqa: S106 - of the stand-in


class Clients:
    """Clients of one endpoint, each made once; `begin` gives them their retry quota back. ``agent``: who they say."""

    def __init__(self, endpoint: str, read_s: float = READ_SECONDS, agent: str | None = None) -> None:
        self._endpoint = endpoint
        self._config = _CONFIG.merge(Config(read_timeout=read_s, user_agent_extra=agent))
        self._made: dict[str, Any] = {}
        self._role: Any = None

    def __call__(self, service: str) -> Any:
        """The client of a service."""
        return self._client(_SESSION, service, service)

    def assumed(self, service: str, credentials: Mapping[str, str]) -> Any:
        """The client of a service, with a role's credentials; one role at a time: earlier clients have them, too."""
        names = ("aws_access_key_id", "aws_secret_access_key", "aws_session_token")
        key, secret, token = (credentials[name] for name in names)
        if self._role is None:
            self._role = boto3.Session(key, secret, token, region_name=REGION)
        held = self._role.get_credentials()
        held.access_key, held.secret_key, held.token = key, secret, token
        return self._client(self._role, f"{service} of the role", service)

    def _client(self, session: Any, name: str, service: str) -> Any:
        if name not in self._made:
            self._made[name] = session.client(service, endpoint_url=self._endpoint, config=self._config)
            _without_waits(self._made[name])
        return self._made[name]

    def begin(self) -> None:
        """For another case: what earlier ones failed at counts no more."""
        for client in self._made.values():
            _without_waits(client)

    def close(self) -> None:
        """Let go of the connections."""
        for client in self._made.values():
            client.close()


def _without_waits(client: Any) -> None:
    """Botocore's standard retries with all their rules and a full quota, but for the waits between attempts."""
    service = client.meta.service_model.service_id.hyphenize()
    emitter, again, after = client.meta.events, f"needs-retry.{service}", f"after-call.{service}"
    emitter.unregister(again, unique_id=f"retry-config-{service}")
    emitter.unregister(after, unique_id=_QUOTA)
    told = standard.RetryQuotaChecker(quota.RetryQuota())
    handler = standard.RetryHandler(
        retry_policy=standard.RetryPolicy(
            retry_checker=standard.StandardRetryConditions(max_attempts=ATTEMPTS),
            retry_backoff=standard.ExponentialBackoff(max_backoff=0),
        ),
        retry_event_adapter=standard.RetryEventAdapter(),
        retry_quota=told,
    )
    emitter.register(again, handler.needs_retry, unique_id=f"retry-config-{service}")
    emitter.register(after, told.release_retry_quota, unique_id=_QUOTA)
