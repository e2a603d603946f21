"""Settings: defaults, spellings, and what is refused at start."""

import pytest

from enricher.errors import EnricherError, LogFormatError, SettingsError
from enricher.settings import VARIABLES, Ec2Settings, Settings, promoted_tags, record_tags

LEAST = {"LAKE_BUCKET": "lake", "LOG_FORMAT": "v2"}
DEFAULT_TAGS = {
    "name": ("Name",),
    "project": ("project", "Project"),
    "team": ("team", "Team"),
    "environment": ("environment", "Environment", "env", "Env"),
}


def test_a_bucket_and_a_format_are_enough():
    """Everything else has a default."""
    settings = Settings.from_environ(LEAST)

    assert settings.lake_bucket == "lake"
    assert [len(log_format.fields) for log_format in settings.log_formats.formats] == [14]
    assert settings.promoted_tags == DEFAULT_TAGS
    assert settings.record_tags == {}
    assert settings.output_mode == "parquet"
    assert (settings.inventory_uri, settings.inventory_soft_ttl_s, settings.inventory_hard_ttl_s) == ("", 60, 900)
    assert settings.ec2 == Ec2Settings(
        lookups=True,
        call_budget=20,
        calls_per_minute=60,
        environments=1000,
        deadline_s=10,
        cache_size=100_000,
        cache_ttl_s=300,
        negative_ttl_s=300,
        stale_ttl_s=3600,
        breaker_failures=3,
        breaker_cool_down_s=60,
    )


def test_every_variable_is_read():
    """Each name of the documentation reaches its setting."""
    settings = Settings.from_environ(
        {
            "LAKE_BUCKET": "lake-1",
            "OUTPUT_MODE": "json",
            "LOG_FORMAT": "${srcaddr} ${dstaddr}; v5 ;",
            "PROMOTED_TAGS": "project=Project|proj;cost_center=CostCenter",
            "RECORD_TAGS": "instance-tag=project; asg-tag-2 = team",
            "INVENTORY_URI": "s3://inventory-bucket/snapshots/latest.parquet",
            "INVENTORY_OWNER": "111122223333",
            "INVENTORY_SOFT_TTL_S": "1.5",
            "INVENTORY_HARD_TTL_S": "30",
            "EC2_LOOKUPS": "off",
            "EC2_CALL_BUDGET": "0",
            "EC2_CALLS_PER_MINUTE": "90.5",
            "EC2_ENVIRONMENTS": "50",
            "EC2_DEADLINE_S": "2.5",
            "EC2_CACHE_SIZE": "7",
            "EC2_CACHE_TTL_S": "8",
            "EC2_NEGATIVE_TTL_S": "0",
            "EC2_STALE_TTL_S": "9",
            "EC2_BREAKER_FAILURES": "1",
            "EC2_BREAKER_COOL_DOWN_S": "4",
            "UNRELATED": "x",
        }
    )

    assert [log_format.header.count(" ") + 1 for log_format in settings.log_formats.formats] == [2, 29]
    assert settings.promoted_tags == DEFAULT_TAGS | {"project": ("Project", "proj"), "cost_center": ("CostCenter",)}
    assert settings.record_tags == {"instance_tag": "project", "asg_tag_2": "team"}
    assert settings.output_mode == "json"
    assert settings.inventory_uri == "s3://inventory-bucket/snapshots/latest.parquet"
    assert settings.inventory_owner == "111122223333"
    assert (settings.inventory_soft_ttl_s, settings.inventory_hard_ttl_s) == (1.5, 30)
    assert settings.ec2 == Ec2Settings(
        lookups=False,
        call_budget=0,
        calls_per_minute=90.5,
        environments=50,
        deadline_s=2.5,
        cache_size=7,
        cache_ttl_s=8,
        negative_ttl_s=0,
        stale_ttl_s=9,
        breaker_failures=1,
        breaker_cool_down_s=4,
    )


def test_with_an_inventory_the_format_may_be_left_to_its_pointer():
    """What is given is still checked."""
    settings = Settings.from_environ({"LAKE_BUCKET": "lake", "INVENTORY_URI": "s3://lake/inventory/pointer.json"})

    assert settings.log_formats is None
    with pytest.raises(LogFormatError, match="LOG_FORMAT"):
        Settings.from_environ({"LAKE_BUCKET": "lake", "LOG_FORMAT": "v6", "INVENTORY_URI": "s3://lake/pointer.json"})


@pytest.mark.parametrize("name", [name for name in VARIABLES if name not in LEAST])
def test_an_empty_variable_is_one_that_is_not_set(name):
    """A template passes empty parameters on."""
    assert Settings.from_environ(LEAST | {name: ""}) == Settings.from_environ(LEAST)


@pytest.mark.parametrize(
    ("variable", "value", "kind"),
    [
        ("LAKE_BUCKET", "", SettingsError),
        ("OUTPUT_MODE", "JSON", SettingsError),
        ("OUTPUT_MODE", "csv", SettingsError),
        ("LOG_FORMAT", "", LogFormatError),
        ("LOG_FORMAT", " ; ", LogFormatError),
        ("LOG_FORMAT", "v6", LogFormatError),
        ("LOG_FORMAT", "${srcaddr} ${dstaddr};${dstaddr} ${srcaddr}", LogFormatError),
        ("PROMOTED_TAGS", "project", SettingsError),
        ("PROMOTED_TAGS", "project=", SettingsError),
        ("PROMOTED_TAGS", "=Project", SettingsError),
        ("PROMOTED_TAGS", "project=|", SettingsError),
        ("PROMOTED_TAGS", "Cost-Center=CostCenter", SettingsError),
        ("PROMOTED_TAGS", "1st=First", SettingsError),
        ("PROMOTED_TAGS", "vpc_id=Vpc", SettingsError),
        ("PROMOTED_TAGS", "tags=All", SettingsError),
        ("PROMOTED_TAGS", "status=Status", SettingsError),
        ("RECORD_TAGS", "instance-tag", SettingsError),
        ("RECORD_TAGS", "instance-tag-3=project", SettingsError),
        ("RECORD_TAGS", "instance_tag=project", SettingsError),
        ("INVENTORY_URI", "https://bucket/key", SettingsError),
        ("INVENTORY_URI", "s3://bucket", SettingsError),
        ("INVENTORY_URI", "s3://bucket/", SettingsError),
        ("INVENTORY_URI", "s3://Bucket/key", SettingsError),
        ("INVENTORY_SOFT_TTL_S", "soon", SettingsError),
        ("INVENTORY_SOFT_TTL_S", "-1", SettingsError),
        ("INVENTORY_SOFT_TTL_S", "nan", SettingsError),
        ("INVENTORY_HARD_TTL_S", "inf", SettingsError),
        ("INVENTORY_HARD_TTL_S", "59", SettingsError),
        ("EC2_LOOKUPS", "yes", SettingsError),
        ("EC2_LOOKUPS", "On", SettingsError),
        ("INVENTORY_OWNER", "us", SettingsError),
        ("INVENTORY_OWNER", "11112222333", SettingsError),
        ("EC2_CALL_BUDGET", "-1", SettingsError),
        ("EC2_CALLS_PER_MINUTE", "-1", SettingsError),
        ("EC2_ENVIRONMENTS", "0", SettingsError),
        ("EC2_CACHE_SIZE", "0", SettingsError),
        ("EC2_CACHE_TTL_S", "0", SettingsError),
        ("EC2_NEGATIVE_TTL_S", "-0.1", SettingsError),
        ("EC2_BREAKER_FAILURES", "0", SettingsError),
        ("EC2_DEADLINE_S", "1,5", SettingsError),
    ],
)
def test_a_value_that_cannot_work_is_refused_at_start(variable, value, kind):
    """One line that names the variable and the mend."""
    with pytest.raises(kind) as refused:
        Settings.from_environ(LEAST | {variable: value})

    assert str(refused.value).startswith("settings: ")
    assert variable in str(refused.value)
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize("missing", sorted(LEAST))
def test_what_has_no_default_must_be_there(missing):
    """The name is in the refusal."""
    with pytest.raises(EnricherError, match=missing):
        Settings.from_environ({name: value for name, value in LEAST.items() if name != missing})


def test_a_time_to_live_of_nothing_is_refused():
    """A snapshot that is stale at once would mark every row."""
    with pytest.raises(SettingsError, match="INVENTORY_HARD_TTL_S is '0'; set it to a number of at least 1"):
        Settings.from_environ(LEAST | {"INVENTORY_SOFT_TTL_S": "0", "INVENTORY_HARD_TTL_S": "0"})


def test_promoted_tags_keep_their_order_and_their_default_columns():
    """New columns come behind the four that always exist; a default's keys can be replaced."""
    assert promoted_tags("") == DEFAULT_TAGS
    assert list(promoted_tags("tier=tier;name=Label;cost=Cost Center| Kosten ")) == [*DEFAULT_TAGS, "tier", "cost"]
    assert promoted_tags("name=Label")["name"] == ("Label",)
    assert promoted_tags("cost=Cost Center| Kosten ")["cost"] == ("Cost Center", "Kosten")


def test_record_tags_are_by_column():
    """AWS's field, our column."""
    assert record_tags("interface-tag-2=cost center;instance-tag=a=b") == {
        "interface_tag_2": "cost center",
        "instance_tag": "a=b",
    }


def test_settings_are_a_value():
    """Read once, then neither changed nor read again."""
    environ = dict(LEAST)
    settings = Settings.from_environ(environ)
    environ["LAKE_BUCKET"] = "elsewhere"

    assert settings.lake_bucket == "lake"
    with pytest.raises(AttributeError):
        settings.lake_bucket = "elsewhere"  # type: ignore[misc]  # that it cannot be set is what is tested


def test_every_variable_is_documented():
    """One sentence each; the template is compared with these names elsewhere."""
    assert [name for name, meaning in VARIABLES.items() if not meaning.strip()] == []
    assert {name for name in VARIABLES if not name.replace("_", "").replace("2", "").isupper()} == set()
