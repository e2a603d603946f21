"""Reads CloudFormation templates as plain data, for the tests of this folder.

Short forms become what CloudFormation itself makes of them: ``!Ref X`` is ``{"Ref": "X"}``, ``!GetAtt A.B`` is
``{"Fn::GetAtt": "A.B"}``, ``!Sub text`` is ``{"Fn::Sub": "text"}``.
"""

from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any, Final

import yaml

ROOT: Final = Path(__file__).resolve().parents[2]
TEMPLATES: Final = tuple(
    sorted(
        str(path.relative_to(ROOT))
        for path in (*ROOT.glob("*.yaml"), *ROOT.glob("*/*.yaml"))
        if path.read_text(encoding="utf-8").startswith("AWSTemplateFormatVersion")
    )
)
_WITHOUT_PREFIX: Final = ("Ref", "Condition")


class _TemplateLoader(yaml.CSafeLoader):
    """Safe YAML plus CloudFormation's short forms."""


def _short_form(loader: _TemplateLoader, tag: str, node: yaml.Node) -> dict[str, Any]:
    name = tag if tag in _WITHOUT_PREFIX else f"Fn::{tag}"
    if isinstance(node, yaml.ScalarNode):
        return {name: loader.construct_scalar(node)}
    if isinstance(node, yaml.SequenceNode):
        return {name: loader.construct_sequence(node, deep=True)}
    assert isinstance(node, yaml.MappingNode)
    return {name: loader.construct_mapping(node, deep=True)}


_TemplateLoader.add_multi_constructor("!", _short_form)


@cache
def load(path: str) -> dict[str, Any]:
    """A template, by its path in the repository; every caller has the same one, so nobody changes it."""
    return yaml.load((ROOT / path).read_text(encoding="utf-8"), Loader=_TemplateLoader)  # noqa: S506 - a SafeLoader


def resources(template: dict[str, Any], resource_type: str) -> dict[str, dict[str, Any]]:
    """The properties of all resources of one type, by logical id."""
    return {
        name: resource.get("Properties", {})
        for name, resource in template["Resources"].items()
        if resource["Type"] == resource_type
    }


def statements(value: Any) -> Iterator[dict[str, Any]]:
    """Every policy statement anywhere below ``value``."""
    if isinstance(value, dict):
        if value.get("Effect") in {"Allow", "Deny"}:
            yield value
        for part in value.values():
            yield from statements(part)
    elif isinstance(value, list):
        for part in value:
            yield from statements(part)


def listed(value: Any) -> list[Any]:
    """A policy element as a list: one value may stand without brackets."""
    return value if isinstance(value, list) else [value]


def text(value: Any) -> str:
    """A value with its functions unwrapped to the text they hold: enough to look for names and wildcards."""
    if isinstance(value, dict):
        return " ".join(text(part) for part in value.values())
    if isinstance(value, list):
        return " ".join(text(part) for part in value)
    return str(value)
