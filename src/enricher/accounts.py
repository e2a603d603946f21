"""Clients of several accounts and regions: roles assumed, sessions kept until shortly before they end.

STS API reference, AssumeRole; IAM user guide, "Access to AWS accounts owned by third parties" (external id).
"""

from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field
from threading import Lock
from typing import Any, Final, NamedTuple

from enricher.paging import ReadError, Target, code_of, how_calls_fail

SESSION_NAME: Final = "vpcflow-refresher"  # what the other account's CloudTrail shows
SESSION_SECONDS: Final = 3600  # what every role allows, and all that role chaining may have
SPARE_SECONDS: Final = 300  # before its end a session is renewed

OWN_ROLE: Final = "the refresher's own role"

# (service, region, credentials by boto3's names) → a boto3 client
MakeClient = Callable[..., Any]


class _Session(NamedTuple):
    credentials: dict[str, str]
    ends_at: float
    clients: dict[tuple[str, str], Any]


@dataclass
class Accounts:
    """Clients by role, region and service, made when first asked for. Safe for threads.

    Args:
        make_client: makes a client of a service in a region, from the process's own credentials or from others.
        region: where roles are assumed.
        external_id: what the roles' trust policies demand; empty: nothing.
        clock: Unix seconds.
    """

    make_client: MakeClient
    region: str
    external_id: str
    clock: Callable[[], float]
    _sessions: dict[str, _Session] = field(default_factory=dict, repr=False)  # they hold credentials
    _lock: Lock = field(default_factory=Lock)
    _locks: defaultdict[str, Lock] = field(default_factory=lambda: defaultdict(Lock))  # by role

    def target(self, account_id: str, region: str, role_arn: str = "") -> Target:
        """Whom to ask about the account and region: through the role, without one as ourselves."""

        def client(service: str) -> Any:
            return self._client(account_id, region, role_arn, service)

        return Target(account_id, region, role_arn or OWN_ROLE, client)

    def _client(self, account_id: str, region: str, role_arn: str, service: str) -> Any:
        with self._lock:
            of_role = self._locks[role_arn]
        # Where STS hangs for one role, nobody waits but who needs that role.
        with of_role:
            session = self._session(account_id, role_arn)
        # Making sessions and clients is not safe for threads (boto3 guide, "Multithreading"); using clients is.
        with self._lock:
            if (service, region) not in session.clients:
                made = self.make_client(service, region, **session.credentials)
                session.clients[service, region] = made
            return session.clients[service, region]

    def _session(self, account_id: str, role_arn: str) -> _Session:
        held = self._sessions.get(role_arn)
        if held is not None and self.clock() < held.ends_at - SPARE_SECONDS:
            return held
        if role_arn:
            credentials, ends_at = self._assume(account_id, role_arn)
            session = _Session(credentials, ends_at, {})
        else:
            session = _Session({}, float("inf"), {})
        self._sessions[role_arn] = session
        return session

    def _assume(self, account_id: str, role_arn: str) -> tuple[dict[str, str], float]:
        """Credentials of the role, and when they end. Raises ReadError."""
        condition = {"ExternalId": self.external_id} if self.external_id else {}
        failures, defect = how_calls_fail()
        try:
            answer = self._client(account_id, self.region, "", "sts").assume_role(
                RoleArn=role_arn, RoleSessionName=SESSION_NAME, DurationSeconds=SESSION_SECONDS, **condition
            )
        except defect:
            raise
        except failures as error:
            raise ReadError(
                f"account {account_id}: sts:AssumeRole of {role_arn} failed with {code_of(error)}; "
                "let the role trust the refresher's role, with the same external id",
                code_of(error),
            ) from error
        told = answer["Credentials"]
        return {
            "aws_access_key_id": told["AccessKeyId"],
            "aws_secret_access_key": told["SecretAccessKey"],
            "aws_session_token": told["SessionToken"],
        }, told["Expiration"].timestamp()
