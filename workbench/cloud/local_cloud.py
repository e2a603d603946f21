"""`LocalCloud`: the stand-in cloud as tests and the demo use it."""

from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from threading import Event
from typing import Any, Final, Self

import boto3
import botocore.session
from botocore.config import Config

from enricher.errors import SettingsError

from .documents import Documents
from .faults import ANY_OPERATION, Fault
from .front import Front
from .ipam import Ipam
from .operations import OPERATIONS
from .requests import ApiCall
from .server import LoopbackServer
from .simulation import SIMULATION
from .throttle import Throttle

DEFAULT_ACCOUNT: Final = "123456789012"
DEFAULT_REGION: Final = "us-east-1"
# What answers requests: a WSGI application.
Application = Callable[[dict[str, Any], Any], Iterable[bytes]]
_TESTING: Final = {"aws_access_key_id": "testing", "aws_secret_access_key": "testing"}


class LocalCloud:
    """AWS on a loopback address: descriptions answered as AWS does, everything else by moto.

    Describing (`operations.OPERATIONS`) sees the inventory documents given here and nothing else: what is created
    through the endpoint (``CreateFlowLogs``, ``RunInstances``) is moto's and stays unseen by it. All clouds of a
    process share moto's backends, which each start empties: run one at a time.

    Args:
        documents: What the default account owns in ``region``: document name (``network-interfaces``) → what the AWS
            CLI prints; times in ISO 8601 with offset. None: nothing.
        region: Where ``documents`` are, and the default of `client`.
        throttle: Request limits of what this cloud answers itself; None: none.
        ipam: An IPAM that sees what all accounts own (`replace_inventory`); None: none but what documents tell of it.
        port: 0 takes a free one.
        lake: Directory of a lake that Athena's queries run over; None: they run over nothing, as moto's do.
        around: Given the cloud's application, what answers on the wire in its place: for faults of a test's own.

    Raises:
        InventoryError: A document is not what its name says.
    """

    def __init__(  # noqa: PLR0913 - keywords, each with a default
        self,
        documents: Documents | None = None,
        *,
        region: str = DEFAULT_REGION,
        throttle: Throttle | None = None,
        ipam: Ipam | None = None,
        port: int = 0,
        lake: Path | None = None,
        around: Callable[[Application], Application] = lambda application: application,
    ) -> None:
        self.region = region
        self._port = port
        # One session for both sides: each service model is read once.
        session = botocore.session.get_session()
        models = {service: session.get_service_model(service) for service, _ in {*OPERATIONS, SIMULATION}}
        self._session = boto3.Session(botocore_session=session)
        self._closing = Event()
        self._front = Front(models, throttle, ipam, self._closing, lake)
        self._around = around
        self._server: LoopbackServer | None = None
        self._clients: list[Any] = []
        self.replace_inventory(documents or {})

    def __enter__(self) -> Self:
        self._front.reset_moto()
        self._server = LoopbackServer(self._around(self._front), self._port)
        return self

    def __exit__(self, *_: object) -> None:
        self._closing.set()
        for client in self._clients:
            client.close()
        if self._server is not None:
            self._server.stop()
        self._front.close()

    @property
    def endpoint(self) -> str:
        """What boto3 takes as ``endpoint_url``; the cloud must have been entered."""
        if self._server is None:
            raise SettingsError(
                "the local cloud is not running; use it as a context manager: with LocalCloud() as cloud"
            )
        return self._server.endpoint

    def client(
        self, service: str, region: str | None = None, *, config: Config | None = None, **credentials: str
    ) -> Any:
        """A boto3 client of this cloud: one attempt a call, short timeouts, path style; closed with the cloud.

        Args:
            service: boto3's name, such as ``ec2``.
            region: None: the cloud's own.
            config: What to do otherwise, such as other timeouts or retries.
            credentials: ``aws_access_key_id``, ``aws_secret_access_key``, ``aws_session_token`` of an assumed role;
                none: the default account.
        """
        base = Config(
            connect_timeout=2,
            read_timeout=5,
            retries={"total_max_attempts": 1},
            s3={"addressing_style": "path"},
            proxies={},  # a proxy of the environment has no business on loopback
        )
        client = self._session.client(
            service,
            region_name=region or self.region,
            endpoint_url=self.endpoint,
            config=base if config is None else base.merge(config),
            **(_TESTING | credentials),
        )
        self._clients.append(client)
        return client

    def replace_inventory(
        self, documents: Documents, *, account_id: str = DEFAULT_ACCOUNT, region: str | None = None
    ) -> None:
        """Makes these documents all that the account owns in the region (None: the cloud's own), from now on.

        They are kept, not copied: to change the inventory, give new documents.

        Raises:
            InventoryError: A document is not what its name says.
        """
        self._front.own(documents, account_id, region or self.region)

    def allow_roles(self, external_ids: Mapping[str, str | None]) -> None:
        """From now on only these roles can be assumed; before the first call every role can.

        Args:
            external_ids: Role ARN → the external id that it demands, None if it demands none. Others end in
                ``AccessDenied``, and so does another external id.
        """
        self._front.roles.allow(external_ids)

    def fail(
        self,
        service: str,
        operation: str,
        fault: Fault,
        *,
        times: int | None = 1,
        account_id: str | None = None,
        region: str | None = None,
    ) -> None:
        """Plants a fault; calls meet the faults that fit them in the order planted.

        Args:
            service: boto3's name, such as ``s3``.
            operation: Such as ``PutObject``, or `ANY_OPERATION`.
            fault: `Refuse` with an error code, `Delay`, `Reset` of the connection, or `Truncate` of the answer.
            times: How many calls meet it, or `FOREVER`: until `clear_faults`.
            account_id: Only calls of this account meet it; None: of any.
            region: Only calls to this region meet it; None: to any.
        """
        self._front.faults.plant(service, operation, fault, times, account_id, region)

    def clear_faults(self) -> None:
        """Forgets all planted faults."""
        self._front.faults.clear()

    @property
    def calls(self) -> tuple[ApiCall, ...]:
        """Every call since the start or `reset_calls`, refused ones too, in order of arrival."""
        return tuple(self._front.calls)

    def count(self, service: str, operation: str = ANY_OPERATION) -> int:
        """How many of `calls` went to this service and operation."""
        return sum(call.service == service and operation in {call.operation, ANY_OPERATION} for call in self.calls)

    def reset_calls(self) -> None:
        """Forgets the calls so far."""
        self._front.calls.clear()
