"""What DescribeFlowLogs tells of a stream."""

from enricher.stream_facts import stream_facts

STREAM = "arn:aws:firehose:eu-west-1:111122223333:deliverystream/flow-logs"


def flow_log(log_format, *tags: tuple[str, list[str]], destination=STREAM):
    """What AWS tells of a flow log; ``tags`` are (resource type, keys)."""
    specifications = [{"ResourceType": kind, "TagKeys": list(keys)} for kind, keys in tags]
    return {"LogDestination": destination, "LogFormat": log_format, "TagFieldSpecifications": specifications}


def test_only_flow_logs_into_the_stream_count():
    """Others deliver elsewhere, or to a stream whose name begins alike."""
    told = [
        flow_log("${srcaddr}"),
        flow_log("${dstaddr}", destination=f"{STREAM}-2"),
        {"LogFormat": "${bytes}", "LogGroupName": "somewhere"},
    ]
    assert stream_facts(told, STREAM).log_formats == ("${srcaddr}",)


def test_several_formats_are_all_told_each_once():
    """Whether they can be told apart is for those to say who read records."""
    told = [flow_log("${srcaddr}"), flow_log("${dstaddr} ${srcaddr}"), flow_log("${srcaddr}")]
    assert stream_facts(told, STREAM).log_formats == ("${dstaddr} ${srcaddr}", "${srcaddr}")


def test_tag_keys_fill_the_fields_of_their_resource_in_their_order():
    """The first key of a resource type is in the first field, the second in the other."""
    tags = (("instance", ["project", "team"]), ("network-interface", ["owner"]), ("auto-scaling-group", ["a", "b"]))
    assert stream_facts([flow_log("${srcaddr}", *tags)], STREAM).tag_keys == {
        "asg-tag": "a",
        "asg-tag-2": "b",
        "instance-tag": "project",
        "instance-tag-2": "team",
        "interface-tag": "owner",
    }


def test_a_field_that_two_flow_logs_fill_differently_is_left_out():
    """Its values could be of either tag; what they agree on stays, and a line says what to do."""
    told = [
        flow_log("${srcaddr}", ("instance", ["project", "team"])),
        flow_log("${srcaddr}", ("instance", ["project", "owner"])),
    ]
    facts = stream_facts(told, STREAM)
    assert facts.tag_keys == {"instance-tag": "project"}
    assert facts.warnings == (
        f"flow logs of {STREAM}: instance-tag-2 carries owner or team; give each flow log the same tag keys",
    )


def test_a_resource_type_that_is_not_known_is_passed_over():
    """AWS may add one; nothing else is lost by it."""
    told = [flow_log("${srcaddr}", ("subnet", ["project"]), ("instance", ["team"]))]
    assert stream_facts(told, STREAM).tag_keys == {"instance-tag": "team"}
