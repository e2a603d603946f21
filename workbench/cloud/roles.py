"""Who may assume which role: AssumeRole is refused as AWS refuses it, before moto hands out credentials.

https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles_common-scenarios_third-party.html (external ID)
"""

from collections.abc import Mapping

from .errors import AwsError
from .requests import ApiCall


class Roles:
    """The roles that there are, with the external id that each demands; without any, every role can be assumed."""

    def __init__(self) -> None:
        self._external_ids: Mapping[str, str | None] = {}
        self._restricted = False

    def allow(self, external_ids: Mapping[str, str | None]) -> None:
        """From now on these roles can be assumed and no others.

        Args:
            external_ids: Role ARN → the external id that its trust policy demands, None if it demands none.
        """
        self._external_ids = dict(external_ids)
        self._restricted = True

    def check(self, call: ApiCall) -> None:
        """Lets a call pass or refuses it.

        Raises:
            AwsError: ``AccessDenied``, for an AssumeRole of a role that is not there, or with another external id.
        """
        if not self._restricted or (call.service, call.operation) != ("sts", "AssumeRole"):
            return
        role = call.params.get("RoleArn", "")
        demanded = self._external_ids.get(role)
        if role not in self._external_ids or (demanded is not None and call.params.get("ExternalId") != demanded):
            raise AwsError(
                "AccessDenied",
                f"User: arn:aws:iam::{call.account_id}:user/local is not authorized to perform: sts:AssumeRole on "
                f"resource: {role}",
            )
