"""The views, created or replaced one after the other through Athena: each may read those before it.

Athena API reference, "StartQueryExecution" and "GetQueryExecution".
"""

from collections.abc import Iterable
from typing import Any, Final

from botocore.exceptions import BotoCoreError, ClientError

from deployment.deadline import Deadline
from deployment.errors import DeploymentError

_FIRST_PAUSE_S: Final = 0.2
_LONGEST_PAUSE_S: Final = 3.0


def create_views(
    views: Iterable[tuple[str, str]], database: str, work_group: str, athena: Any, deadline: Deadline
) -> None:
    """Run each view's statement and wait until Athena has done it.

    Raises:
        DeploymentError: Athena refused or failed one, with Athena's own words, or the time is over.
    """
    for name, sql in views:
        deadline.require(f"view {name}")
        try:
            started = athena.start_query_execution(
                QueryString=sql, QueryExecutionContext={"Database": database}, WorkGroup=work_group
            )
            _wait(athena, str(started["QueryExecutionId"]), name, deadline)
        except (ClientError, BotoCoreError) as error:
            raise DeploymentError(f"view {name}: {error}") from error


def _wait(athena: Any, execution: str, name: str, deadline: Deadline) -> None:
    pause = _FIRST_PAUSE_S
    while True:
        status = athena.get_query_execution(QueryExecutionId=execution)["QueryExecution"]["Status"]
        if status["State"] == "SUCCEEDED":
            return
        if status["State"] in ("FAILED", "CANCELLED"):
            raise DeploymentError(f"view {name}: {status.get('StateChangeReason') or status['State'].lower()}")
        try:
            deadline.wait(pause, f"view {name}")
        except DeploymentError:
            athena.stop_query_execution(QueryExecutionId=execution)
            raise
        pause = min(pause * 2, _LONGEST_PAUSE_S)
