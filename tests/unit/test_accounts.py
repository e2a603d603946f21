"""Sessions of several accounts at the same time."""

import threading
from datetime import UTC, datetime
from typing import Any

from enricher.accounts import Accounts

HANGING, OTHER = "arn:aws:iam::111111111111:role/a", "arn:aws:iam::222222222222:role/b"
ENDS = datetime(2030, 1, 1, tzinfo=UTC)


class Sts:
    """STS, which does not answer for one role until it is let go."""

    def __init__(self) -> None:
        self.is_asked, self.may_answer = threading.Event(), threading.Event()

    def assume_role(self, **arguments: Any) -> dict[str, Any]:
        """Credentials that name the role."""
        if arguments["RoleArn"] == HANGING:
            self.is_asked.set()
            self.may_answer.wait(20)
        told = dict.fromkeys(("AccessKeyId", "SecretAccessKey", "SessionToken"), arguments["RoleArn"])
        return {"Credentials": {**told, "Expiration": ENDS}}


def test_nobody_waits_for_another_roles_session():
    """STS hangs for one role: our own account is asked meanwhile, and so is an account of another role."""
    sts, found = Sts(), {}

    def make(service, region, **credentials: str) -> Any:
        return sts if service == "sts" else (service, region, credentials.get("aws_access_key_id"))

    accounts = Accounts(make, "eu-west-1", "", lambda: 0.0)

    def ask(role) -> None:
        found[role] = accounts.target("1", "eu-west-1", role).client("ec2")

    hanging = threading.Thread(target=ask, args=(HANGING,))
    hanging.start()
    assert sts.is_asked.wait(20)
    others = [threading.Thread(target=ask, args=(role,)) for role in ("", OTHER)]
    for other in others:
        other.start()
    for other in others:
        other.join(5)
    meanwhile = dict(found)
    sts.may_answer.set()
    hanging.join(20)

    assert meanwhile == {"": ("ec2", "eu-west-1", None), OTHER: ("ec2", "eu-west-1", OTHER)}
    assert found[HANGING] == ("ec2", "eu-west-1", HANGING)
