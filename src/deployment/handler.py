"""The deployment function, a CloudFormation custom resource: environment, clients and clock meet here.

    Deployment:
      Type: Custom::Deployment
      Properties:
        ServiceToken: ARN of this function
        Bucket: the lake's bucket
        Database: Glue database of the lake's tables; views are created in it
        WorkGroup: Athena workgroup that they are created in
        RefreshFunction: name or ARN of the refresher, or "" where there is none
        Version: changes with this function's code, such as !Ref DeploymentFunction.Version; only a changed property
          makes CloudFormation call again

On Create and Update, in this order, each step safe to repeat:

1. the refresher is invoked once and waited for, so that a flow log that depends on this resource finds an inventory;
   where it fails the deployment goes on (``Data.Refresh`` says why), because the schedule tries again in a minute;
2. the Glue jobs' code is put below ``Data.CodePrefix`` of the bucket: ``code.zip`` (--extra-py-files),
   ``dependencies.gluewheels.zip`` (--additional-python-modules, with --python-modules-installer-option --no-index),
   ``compact.py`` and ``backfill.py`` (ScriptLocation). The prefix, ``code/<version>-<digest>/``, tells the content: an
   older one stays as it is, so that a rollback finds what it ran before;
3. the views are created or replaced in their order. A view that fails, fails the deployment.

On Delete nothing is removed. ``Data``: ``CodePrefix`` (ends in a slash), ``Version``, ``Views`` (how many), ``Refresh``
(``done``, ``none`` or why it failed).

What the function needs: Timeout 600 (it answers before, whatever hangs), MemorySize 512, the default two retries of
asynchronous invocations (an answer that could not be delivered raises, and is tried again), and to be allowed

* s3:PutObject on code/* of the bucket; with a key of one's own kms:GenerateDataKey and kms:Decrypt;
* lambda:InvokeFunction on the refresher;
* athena:StartQueryExecution, GetQueryExecution, StopQueryExecution on the workgroup;
* glue:GetDatabase, GetTable, GetTables, CreateTable, UpdateTable on the catalog, the database and its tables, and
  glue:GetDatabase on the database `default`;
* s3:GetBucketLocation on the bucket, s3:GetObject, PutObject, AbortMultipartUpload and ListMultipartUploadParts on its
  athena-results/*, ListBucket and ListBucketMultipartUploads on the bucket.

AWS CloudFormation user guide, "Custom resources" and "Custom resource response objects".
"""

import logging
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any, Final

from deployment.answer import Answer, Sender, failure, success
from deployment.bundle import Bundle
from deployment.request import Request, read_request
from deployment.steps import Deadline, deploy
from deployment.watch import Watch

logger = logging.getLogger("deployment")
logger.setLevel(logging.INFO)

ANSWER_SECONDS: Final = 20.0
BUNDLE: Final = Path(__file__).resolve().parents[1] / "bundle"


@dataclass(frozen=True)
class Environment:
    """What one Lambda environment holds.

    Args:
        bundle: where what is to be deployed lies.
        make_client: boto3's service name → client.
        clock: Unix seconds.
        sleep: waits for seconds.
        sender: tells CloudFormation.
        answer_s: what is kept back of the function's time to tell CloudFormation that it ran out.
    """

    bundle: Path
    make_client: Callable[[str], Any]
    clock: Callable[[], float] = time.time
    sleep: Callable[[float], object] = time.sleep
    sender: Sender = field(default_factory=Sender)
    answer_s: float = ANSWER_SECONDS

    def handle(self, event: Mapping[str, Any], remaining_s: float) -> Answer:
        """Do what the event asks for and answer it once, at the latest ``answer_s`` before the end.

        Raises:
            DeploymentError: the event names no address to answer to, or the answer could not be delivered.
        """
        request = read_request(event)
        with Watch(remaining_s - self.answer_s, lambda answer: self._send(request, answer), request) as watch:
            return watch.finish(self._answer(request, remaining_s))

    def _answer(self, request: Request, remaining_s: float) -> Answer:
        try:
            if request.is_delete:
                return success(request, {})
            deadline = Deadline(self.clock() + remaining_s - 2 * self.answer_s, self.clock, self.sleep)
            return success(request, deploy(request.properties(), Bundle.read(self.bundle), self.make_client, deadline))
        except Exception as error:
            # Also a bug of ours: without an answer the stack hangs for an hour.
            logger.exception("deployment failed")
            return failure(request, error)

    def _send(self, request: Request, answer: Answer) -> None:
        self.sender.send(request.url, answer)
        logger.info("answered CloudFormation: %s", answer.log_line)


def make_client(service: str) -> Any:
    """A boto3 client from the function's own credentials; the refresher's answer may take four minutes."""
    import boto3  # noqa: PLC0415 - slow, and not needed to look at this module
    from botocore.config import Config  # noqa: PLC0415 - same

    read_timeout = 300 if service == "lambda" else 60
    attempts = 1 if service == "lambda" else 4
    retries = {"mode": "standard", "total_max_attempts": attempts}
    return boto3.client(service, config=Config(connect_timeout=5, read_timeout=read_timeout, retries=retries))


@lru_cache(maxsize=1)
def _environment() -> Environment:
    return Environment(BUNDLE, make_client)


def handler(event: Mapping[str, Any], context: Any) -> dict[str, str]:
    """The Lambda's entry: one request of CloudFormation's. Raises where the answer could not be delivered."""
    answer = _environment().handle(event, context.get_remaining_time_in_millis() / 1000)
    return {"status": answer.status}
