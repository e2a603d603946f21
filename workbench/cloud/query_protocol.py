"""The EC2 and AWS Query protocols, read off botocore's service models: form in, XML out.

Nothing here knows an operation. Names come from the input and output shapes, so what botocore's serialiser wrote is
read back, and what is rendered is what botocore's parser expects.
https://smithy.io/2.0/aws/protocols/aws-ec2-query-protocol.html, .../aws-query-protocol.html
"""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any, Final
from xml.sax.saxutils import escape

from enricher.errors import InventoryError

from .errors import AwsError

_KEPT: Final = {"\r": "&#13;"}  # an XML parser would read a bare carriage return as a newline
_NOT_PARAMETERS: Final = frozenset({"Action", "Version"})
_SCALARS: Final = {
    "string": str,
    "boolean": bool,
    "integer": int,
    "long": int,
    "float": int | float,
    "double": int | float,
}


def read_parameters(operation: Any, form: Mapping[str, str]) -> dict[str, Any]:
    """The parameters of a call as boto3's caller wrote them.

    Args:
        operation: botocore's operation model, of an ``ec2`` or ``query`` service.
        form: The decoded body, such as ``{"Action": "DescribeVpcs", "VpcId.1": "vpc-1"}``.

    Returns:
        Parameters by the model's own names, such as ``{"VpcIds": ["vpc-1"]}``, typed as the input shape says.

    Raises:
        AwsError: ``UnknownParameter`` or ``InvalidParameterValue``. Required parameters are boto3's to demand.
    """
    tree: dict[str, Any] = {}
    for key, value in form.items():
        if key not in _NOT_PARAMETERS:
            _plant(tree, key, value)
    is_ec2 = operation.service_model.metadata["protocol"] == "ec2"
    parameters: dict[str, Any] = _read(
        operation.input_shape, tree, operation.name, _ec2_name if is_ec2 else _query_name
    )
    return parameters


def _plant(tree: dict[str, Any], key: str, value: str) -> None:
    *parents, last = key.split(".")
    node = tree
    for part in parents:
        node = node.setdefault(part, {})
        if not isinstance(node, dict):
            raise AwsError("InvalidParameterValue", f"parameter {key} is given both as a value and as a list")
    node[last] = value


def _ec2_name(member: Any, default: str) -> str:
    serialization = member.serialization
    name: str = serialization.get("queryName") or serialization.get("name") or default
    return name if "queryName" in serialization else name[0].upper() + name[1:]


def _query_name(member: Any, default: str) -> str:
    name: str = member.serialization.get("name", default)
    return name


def _read(shape: Any, node: Any, where: str, name_of: Callable[[Any, str], str]) -> Any:
    if shape.type_name == "structure":
        return _read_structure(shape, node, where, name_of)
    if shape.type_name == "list":
        return _read_list(shape, node, where, name_of)
    if not isinstance(node, str):
        raise AwsError("UnknownParameter", f"{where} takes one value, not a list")
    if shape.type_name in {"integer", "long"}:
        return _read_integer(node, where)
    if shape.type_name == "boolean":
        return _read_boolean(node, where)
    if shape.type_name == "timestamp":
        return _read_timestamp(node, where)
    return node


def _read_structure(shape: Any, node: Any, where: str, name_of: Callable[[Any, str], str]) -> dict[str, Any]:
    if not isinstance(node, dict):
        raise AwsError("UnknownParameter", f"{where} takes named values, not {node!r}")
    members = {name_of(member, name): (name, member) for name, member in shape.members.items()}
    parameters = {}
    for key, child in node.items():
        if key not in members:
            raise AwsError("UnknownParameter", f"The parameter {where}.{key} is not recognized")
        name, member = members[key]
        parameters[name] = _read(member, child, f"{where}.{key}", name_of)
    return parameters


def _read_list(shape: Any, node: Any, where: str, name_of: Callable[[Any, str], str]) -> list[Any]:
    if name_of is _query_name and isinstance(node, dict) and not shape.serialization.get("flattened"):
        node = node.get(shape.member.serialization.get("name", "member"))
    if node == "":  # the Query protocol's empty list
        return []
    if not isinstance(node, dict) or not all(key.isdecimal() for key in node):
        raise AwsError("UnknownParameter", f"{where} takes a numbered list")
    return [_read(shape.member, node[key], f"{where}.{key}", name_of) for key in sorted(node, key=int)]


def _read_integer(text: str, where: str) -> int:
    try:
        return int(text)
    except ValueError:
        raise AwsError("InvalidParameterValue", f"{where}: {text!r} is not an integer") from None


def _read_boolean(text: str, where: str) -> bool:
    if text not in {"true", "false"}:
        raise AwsError("InvalidParameterValue", f"{where}: {text!r} is not a boolean")
    return text == "true"


def _read_timestamp(text: str, where: str) -> datetime:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise AwsError("InvalidParameterValue", f"{where}: {text!r} is not an ISO 8601 time") from None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def render_result(operation: Any, result: Mapping[str, Any], request_id: str) -> bytes:
    """The XML of a successful answer.

    Args:
        operation: botocore's operation model.
        result: Output members by the model's names; timestamps are ISO 8601 text or aware datetimes.
        request_id: What boto3 shows as ``ResponseMetadata.RequestId``.

    Raises:
        InventoryError: See `check_result`.
    """
    metadata = operation.service_model.metadata
    body = _render(operation.output_shape, result, operation.name)
    if metadata["protocol"] == "ec2":
        body = f"<requestId>{request_id}</requestId>{body}"
    else:
        wrapper = operation.output_shape.serialization.get("resultWrapper", f"{operation.name}Result")
        body = f"<{wrapper}>{body}</{wrapper}><ResponseMetadata><RequestId>{request_id}</RequestId></ResponseMetadata>"
    root = f"{operation.name}Response"
    return (
        f'<?xml version="1.0" encoding="UTF-8"?>\n<{root} xmlns="{metadata["xmlNamespace"]}">{body}</{root}>'.encode()
    )


def check_result(operation: Any, result: Mapping[str, Any], where: str) -> None:
    """Refuses what `render_result` could not render.

    Args:
        operation: botocore's operation model.
        result: Output members by the model's names.
        where: Begins the path that the error names.

    Raises:
        InventoryError: ``result`` has a member the model does not know, a value of another type, a time without offset.
    """
    _render(operation.output_shape, result, where)


def _render(shape: Any, value: Any, where: str) -> str:
    kind = shape.type_name
    if kind == "structure":
        return _render_structure(shape, value, where)
    if kind == "list":
        return _render_list(shape, value, where)
    if kind == "timestamp":
        return _render_timestamp(value, where)
    if not isinstance(value, _SCALARS[kind]) or (isinstance(value, bool) and kind != "boolean"):
        raise InventoryError(f"{where}: {value!r} is not a {kind}; write it as the AWS CLI prints it")
    return escape(value, _KEPT) if isinstance(value, str) else str(value).lower()


def _render_structure(shape: Any, value: Any, where: str) -> str:
    if not isinstance(value, Mapping):
        raise InventoryError(f"{where}: {value!r} is not a structure; write it as the AWS CLI prints it")
    members = shape.members
    parts = []
    for name, child in value.items():
        member = members.get(name)
        if member is None:
            raise InventoryError(f"{where}: AWS has no member {name!r} there; use the names that the AWS CLI prints")
        tag = member.serialization.get("name", name)
        parts.append(f"<{tag}>{_render(member, child, f'{where}.{name}')}</{tag}>")
    return "".join(parts)


def _render_list(shape: Any, value: Any, where: str) -> str:
    if not isinstance(value, list):
        raise InventoryError(f"{where}: {value!r} is not a list; write it as the AWS CLI prints it")
    member = shape.member
    tag = member.serialization.get("name", "member")
    return "".join([f"<{tag}>{_render(member, child, f'{where}[{i}]')}</{tag}>" for i, child in enumerate(value)])


def _render_timestamp(value: Any, where: str) -> str:
    try:
        moment = value if isinstance(value, datetime) else datetime.fromisoformat(value)
    except (TypeError, ValueError):
        raise InventoryError(f"{where}: {value!r} is not an ISO 8601 time; write it as the AWS CLI prints it") from None
    if moment.tzinfo is None:
        raise InventoryError(f"{where}: {value!r} has no offset; write it as the AWS CLI prints it, as in +00:00")
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
