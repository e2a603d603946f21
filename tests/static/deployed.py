"""What CloudFormation makes of a template with chosen parameters: resources that exist, functions resolved.

A model of the functions that our templates use, for tests that ask what is deployed rather than how it is written.
What only a deployment knows becomes a readable stand-in: ``!Ref X`` of a resource is ``<X>``, ``!GetAtt X.Arn`` is
``<X.Arn>``, unless ``made`` tells better. See the CloudFormation user guide, "Intrinsic function reference".
"""

import re
from collections.abc import Callable, Mapping
from typing import Any, Final

from static.templates import load, resources

ACCOUNT: Final = "111122223333"
STACK: Final = "flows"
PSEUDO: Final = {
    "AWS::AccountId": ACCOUNT,
    "AWS::Partition": "aws",
    "AWS::Region": "eu-west-1",
    "AWS::StackName": STACK,
    "AWS::StackId": f"arn:aws:cloudformation:eu-west-1:{ACCOUNT}:stack/{STACK}/0a1b2c3d-0000-1111-2222-333344445555",
    "AWS::URLSuffix": "amazonaws.com",
}
MADE: Final = {
    "LakeBucket": "a-lake",
    "LakeBucket.Arn": "arn:aws:s3:::a-lake",
    "Catalog.Outputs.DatabaseName": "vpc_flow_logs",
    "Analysis.Outputs.WorkGroupName": STACK,
    "DeliveryStream.Arn": f"arn:aws:firehose:eu-west-1:{ACCOUNT}:deliverystream/{STACK}",
    "Deployment.CodePrefix": "code/7-0a/",
}
# What another account types for member-account.yaml, all of it.
MEMBER: Final = {
    "RefreshRoleArn": "arn:aws:iam::111122223333:role/flows-RefreshRole",
    "ExternalId": "vpcflow-7",
    "VpcId": "vpc-0a1b",
    "StreamArn": "arn:aws:firehose:eu-west-1:111122223333:deliverystream/flows",
    "CrossAccountRoleArn": "arn:aws:iam::111122223333:role/AWSLogDeliveryFirehoseCrossAccountRole-0a1b2c3d",
    "LogFormat": "${version} ${srcaddr}",
}
_NOTHING: Final = object()


class Deployed:
    """A template as deployed.

    Args:
        path: the template's path in the repository.
        parameters: values as typed; what is left out has its default, and what has none is refused.
        made: what deployed resources give, by ``X`` for a reference and ``X.Attribute`` for an attribute.
    """

    def __init__(self, path: str, parameters: Mapping[str, str], made: Mapping[str, str] | None = None) -> None:
        self.template = load(path)
        declared = self.template.get("Parameters", {})
        unknown = set(parameters) - set(declared)
        assert not unknown, f"{path} has no parameters {unknown}"
        self.made = dict(made or {})
        self._functions: dict[str, Callable[[Any], Any]] = {
            "Ref": self._reference,
            "Fn::GetAtt": self._attribute,
            "Fn::If": self._choose,
            "Fn::Sub": self._substitute,
            "Fn::FindInMap": self._in_map,
            "Fn::Join": lambda parts: parts[0].join(self.resolve(parts[1])),
            "Fn::Split": lambda parts: self.resolve(parts[1]).split(parts[0]),
            "Fn::Select": lambda parts: self.resolve(parts[1])[int(parts[0])],
        }
        self.parameters = {
            name: self._typed(name, declaration, parameters.get(name, declaration.get("Default", _NOTHING)))
            for name, declaration in declared.items()
        }
        kept = {name: each for name, each in self.template["Resources"].items() if self._exists(each)}
        self.resources = {name: self.resolve(each) for name, each in kept.items()}
        self.outputs = {
            name: self.resolve(output["Value"])
            for name, output in self.template.get("Outputs", {}).items()
            if self._exists(output)
        }

    def of_type(self, resource_type: str) -> dict[str, dict[str, Any]]:
        """The properties of all deployed resources of one type, by logical id."""
        return resources({"Resources": self.resources}, resource_type)

    def properties(self, name: str) -> dict[str, Any]:
        """One deployed resource's properties."""
        return self.resources[name]["Properties"]

    def objections(self) -> list[str]:
        """What the template's rules say against these parameters."""
        return [
            assertion["AssertDescription"]
            for rule in self.template.get("Rules", {}).values()
            if self._holds(rule["RuleCondition"])
            for assertion in rule["Assertions"]
            if not self._holds(assertion["Assert"])
        ]

    def resolve(self, value: Any) -> Any:
        """A value of the template with every function resolved; what becomes AWS::NoValue is left out."""
        if isinstance(value, list):
            return [part for part in map(self.resolve, value) if part is not _NOTHING]
        if not isinstance(value, dict):
            return value
        if len(value) == 1:
            ((name, argument),) = value.items()
            function = self._functions.get(name)
            if function is not None:
                return function(argument)
        found = {key: self.resolve(part) for key, part in value.items()}
        return {key: part for key, part in found.items() if part is not _NOTHING}

    def _reference(self, name: str) -> Any:
        if name == "AWS::NoValue":
            return _NOTHING
        if name in self.parameters:
            return self.parameters[name]
        return PSEUDO.get(name) or self.made.get(name, f"<{name}>")

    def _attribute(self, attribute: str | list[str]) -> str:
        dotted = attribute if isinstance(attribute, str) else ".".join(attribute)
        return self.made.get(dotted, f"<{dotted}>")

    def _choose(self, argument: list[Any]) -> Any:
        condition, if_true, if_false = argument
        return self.resolve(if_true if self._holds({"Condition": condition}) else if_false)

    def _substitute(self, argument: str | list[Any]) -> str:
        text, given = (argument, {}) if isinstance(argument, str) else argument
        known = self.resolve(given)

        def value(match: re.Match[str]) -> str:
            name = match[1]
            if name in known:
                return known[name]
            return str(self._attribute(name) if "." in name else self._reference(name))

        return re.sub(r"\$\{([\w:.]+)\}", value, text)

    def _in_map(self, keys: list[Any]) -> Any:
        name, first, second = map(self.resolve, keys)
        return self.template["Mappings"][name][first][second]

    def _typed(self, name: str, declaration: Mapping[str, Any], given: Any) -> Any:
        assert given is not _NOTHING, f"parameter {name} has no default"
        allowed = declaration.get("AllowedValues")
        assert allowed is None or str(given) in map(str, allowed), f"parameter {name}: {given}"
        pattern = declaration.get("AllowedPattern")
        assert pattern is None or re.fullmatch(pattern, str(given)), f"parameter {name}: {given}"
        return str(given).split(",") if declaration["Type"] == "CommaDelimitedList" else str(given)

    def _exists(self, declared: Mapping[str, Any]) -> bool:
        return "Condition" not in declared or self._holds({"Condition": declared["Condition"]})

    def _holds(self, condition: Any) -> bool:
        match condition:
            case {"Condition": name}:
                return self._holds(self.template["Conditions"][name])
            case {"Fn::Equals": [left, right]}:
                return str(self.resolve(left)) == str(self.resolve(right))
            case {"Fn::Not": [inner]}:
                return not self._holds(inner)
            case {"Fn::And": parts}:
                return all(map(self._holds, parts))
            case {"Fn::Contains": [values, value]}:
                return self.resolve(value) in values
        raise AssertionError(condition)


def main_stack(**parameters: str) -> Deployed:
    """The stack that an operator deploys, with the parameters that were typed."""
    return Deployed("template.yaml", parameters, MADE)


def nested_stack(parent: Deployed, name: str) -> Deployed:
    """A stack nested in ``parent``, with what the parent gives it."""
    properties = parent.properties(name)
    return Deployed(properties["TemplateURL"], properties["Parameters"])
