"""Our half of the query protocols against botocore's: its parser reads what we render, we read what it sends."""

from datetime import UTC, datetime

import botocore.parsers
import botocore.serialize
import botocore.session
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from enricher.errors import InventoryError
from workbench.cloud import AwsError
from workbench.cloud.documents import LISTS
from workbench.cloud.operations import OPERATIONS
from workbench.cloud.query_protocol import check_result, read_parameters, render_result

# Drawing from EC2's largest shapes takes long on a busy machine; that is no fault of what is tested.
FEW = settings(max_examples=10, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])

SESSION = botocore.session.get_session()
MODELS = {service: SESSION.get_service_model(service) for service in {service for service, _ in OPERATIONS}}
# The Tagging API speaks JSON, which both sides leave to the json module.
IN_FORMS = [key for key in OPERATIONS if key[0] != "resourcegroupstaggingapi"]

# What XML can carry; control characters are no part of AWS's names, descriptions and tags either.
TEXT = st.text(
    st.characters(exclude_categories=("Cs", "Cc"), include_characters="\t\n\r", exclude_characters="\ufffe\uffff")
)
TIMES = st.datetimes(datetime(1971, 1, 1), datetime(2100, 1, 1), timezones=st.just(UTC)).map(  # noqa: DTZ001  # zone follows
    lambda moment: moment.replace(microsecond=moment.microsecond // 1000 * 1000)
)
SCALARS = {
    "string": TEXT,
    "boolean": st.booleans(),
    "integer": st.integers(-(2**31), 2**31 - 1),
    "long": st.integers(-(2**63), 2**63 - 1),
    "double": st.floats(allow_nan=False, allow_infinity=False),
    "float": st.floats(allow_nan=False, allow_infinity=False),
    "timestamp": TIMES,
}


def values_of(shape, least=0):
    """Any value of a botocore shape; ``least`` is the length of its shortest lists."""
    if shape.type_name == "structure":
        return st.fixed_dictionaries({}, optional={n: values_of(m, least) for n, m in shape.members.items()})
    if shape.type_name == "list":
        return st.lists(values_of(shape.member, least), min_size=least, max_size=least + 2)
    return SCALARS[shape.type_name]


def model_of(service, name):
    """The service model's own account of an operation."""
    return MODELS[service].operation_model(name)


@pytest.mark.parametrize(("service", "name"), IN_FORMS)
@FEW
@given(data=st.data())
def test_botocore_reads_every_result_back(service, name, data):
    """Any result of any operation, every member and markup in any text, arrives unchanged."""
    model = model_of(service, name)
    result = data.draw(values_of(model.output_shape))
    response = {"status_code": 200, "headers": {}, "body": render_result(model, result, "request-1")}
    parsed = botocore.parsers.create_parser(MODELS[service].protocol).parse(response, model.output_shape)
    assert parsed.pop("ResponseMetadata")["RequestId"] == "request-1"
    assert parsed == result


@pytest.mark.parametrize(("service", "name"), IN_FORMS)
@FEW
@given(data=st.data())
def test_every_parameter_botocore_sends_is_read_back(service, name, data):
    """Any parameters of any operation are read as the caller wrote them."""
    model = model_of(service, name)
    parameters = data.draw(values_of(model.input_shape, least=1))
    # An empty structure leaves no trace in a form.
    parameters = {
        key: [item for item in value if item != {}] if isinstance(value, list) else value
        for key, value in parameters.items()
    }
    parameters = {key: value for key, value in parameters.items() if value not in ([], {})}
    serializer = botocore.serialize.create_serializer(MODELS[service].protocol, include_validation=False)
    form = serializer.serialize_to_request(parameters, model)["body"]
    assert read_parameters(model, {key: str(value) for key, value in form.items()}) == parameters


@pytest.mark.parametrize(
    ("form", "code"),
    [
        ({"Vpc.1": "vpc-1"}, "UnknownParameter"),
        ({"Filter.1.Nome": "vpc-id"}, "UnknownParameter"),
        ({"VpcId": "vpc-1"}, "UnknownParameter"),
        ({"Filter.1": "vpc-id"}, "UnknownParameter"),
        ({"VpcId.one": "vpc-1"}, "UnknownParameter"),
        ({"MaxResults.1": "5"}, "UnknownParameter"),
        ({"MaxResults": "many"}, "InvalidParameterValue"),
        ({"DryRun": "yes"}, "InvalidParameterValue"),
        ({"VpcId": "vpc-1", "VpcId.1": "vpc-1"}, "InvalidParameterValue"),
    ],
)
def test_a_form_that_is_not_the_operations_is_refused(form, code):
    """Parameters are checked by the model, not taken on trust."""
    with pytest.raises(AwsError) as refused:
        read_parameters(model_of("ec2", "DescribeVpcs"), {"Action": "DescribeVpcs", **form})
    assert refused.value.code == code


@pytest.mark.parametrize(
    ("vpc", "culprit"),
    [
        ({"VpcID": "vpc-1"}, r"vpcs\.Vpcs\[0\]: AWS has no member 'VpcID'"),
        ({"VpcId": 1}, r"vpcs\.Vpcs\[0\]\.VpcId: 1 is not a string"),
        ({"IsDefault": "true"}, r"vpcs\.Vpcs\[0\]\.IsDefault: 'true' is not a boolean"),
        ({"Tags": {"Key": "a"}}, r"vpcs\.Vpcs\[0\]\.Tags: .* is not a list"),
        ({"Tags": ["a"]}, r"vpcs\.Vpcs\[0\]\.Tags\[0\]: 'a' is not a structure"),
    ],
)
def test_what_aws_would_not_answer_is_named(vpc, culprit):
    """A document with a wrong name or type is refused with the path to it."""
    with pytest.raises(InventoryError, match=culprit):
        check_result(model_of("ec2", "DescribeVpcs"), {"Vpcs": [vpc]}, "vpcs")


@pytest.mark.parametrize("time", ["yesterday", "2025-11-01T00:00:00", 1762000000])
def test_a_time_must_say_its_offset(time):
    """Times are what the AWS CLI prints; epoch numbers and local times are refused."""
    with pytest.raises(InventoryError, match="CreateTime"):
        check_result(model_of("ec2", "DescribeNatGateways"), {"NatGateways": [{"CreateTime": time}]}, "nat-gateways")


@pytest.mark.parametrize("operation", OPERATIONS.values(), ids=lambda operation: operation.name)
def test_an_operation_is_described_by_names_that_the_model_has(operation):
    """Every path, parameter and list of our table exists in botocore's model, with the model's page limits."""
    model = model_of(operation.service, operation.name)
    resource = model.output_shape.members[LISTS[operation.document]].member
    taken = model.input_shape.members
    both = dict(resource.members)
    if operation.inner:
        resource = resource.members[operation.inner].member
        both |= resource.members
    assert operation.tags in resource.members or operation.filter_parameter is None
    identified = [each.path for each in operation.identifiers.values()]
    paths = [*operation.filters.values(), *identified, *operation.equals.values()]
    assert [path for path in paths if not leads_somewhere(both, path)] == []
    assert operation.identifiers.keys() | operation.equals.keys() <= taken.keys()
    assert operation.filter_parameter is None or operation.filter_parameter in taken
    assert operation.service != "ec2" or operation.hides_managed == ("IncludeManagedResources" in taken)
    if operation.pages is None:
        assert "MaxResults" not in taken
    else:
        limits = taken[operation.pages.size].metadata
        assert limits.get("min", operation.pages.smallest) == operation.pages.smallest
        assert limits.get("max", operation.pages.largest) == operation.pages.largest
        assert operation.pages.cursor in taken
        assert operation.pages.next_cursor in model.output_shape.members


def leads_somewhere(members, path):
    """Whether a dotted path of members ends at a scalar of the model."""
    shape = None
    for name in path.split("."):
        shape = members.get(name)
        while shape is not None and shape.type_name == "list":
            shape = shape.member
        if shape is None:
            return False
        members = getattr(shape, "members", {})
    return shape.type_name not in {"structure", "list"}
