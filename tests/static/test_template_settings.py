"""The template tells the function what its settings ask for."""

from static.deployed import ACCOUNT, MADE, main_stack

from enricher.log_format import LogFormats
from enricher.pointer import TAG_FIELDS
from enricher.refresher_settings import REFRESHER_VARIABLES, RefresherSettings, Role
from enricher.schema import FIELDS_OF_VERSION
from enricher.settings import VARIABLES, Settings


def variables(function: str, **chosen: str):
    """A function's environment as deployed with the template's defaults, other parameters as ``chosen``."""
    return main_stack(**chosen).properties(function)["Environment"]["Variables"]


def deployed(**chosen: str):
    """The transformation function's environment."""
    return variables("TransformFunction", **chosen)


def test_template_sets_exactly_the_documented_variables():
    """Nothing is set that nobody reads, nothing is read that an operator cannot see."""
    assert set(deployed()) == set(VARIABLES)


def test_template_s_defaults_are_the_code_s():
    """A first deployment, no parameter typed: nothing is set but bucket, format, the inventory and its owner."""
    fields = " ".join(f"${{{field}}}" for field in FIELDS_OF_VERSION[11] if field not in TAG_FIELDS)
    pointer = "s3://a-lake/inventory/pointer.json"
    expected = Settings("a-lake", LogFormats.parse([fields]), inventory_uri=pointer, inventory_owner=ACCOUNT)
    assert Settings.from_environ(deployed()) == expected


def test_without_an_inventory_ec2_alone_is_asked():
    """An empty key is an empty URI, and makes no refresher."""
    assert Settings.from_environ(deployed(InventoryKey="")).inventory_uri == ""
    without = main_stack(InventoryKey="").resources
    assert not {"RefreshFunction", "RefreshRole", "RefreshLogGroup"} & set(without)
    assert without["Deployment"]["Properties"]["RefreshFunction"] == ""


def test_parameters_reach_the_settings():
    """What an operator types in the console is what the function goes by."""
    settings = Settings.from_environ(
        deployed(
            InventoryKey="inventory/snapshot.parquet",
            PromotedTags="project=cost-centre",
            RecordTags="instance-tag=project",
            Ec2Lookups="off",
            Ec2CallBudget="7",
            Ec2Environments="40",
            Ec2DeadlineSeconds="2",
            Ec2CacheSeconds="30",
            LogFormat="${version} ${srcaddr} ${dstaddr} ${start} ${end} ${log-status}",
        )
    )
    assert settings.inventory_uri == "s3://a-lake/inventory/snapshot.parquet"
    assert settings.promoted_tags["project"] == ("cost-centre",)
    assert settings.record_tags == {"instance_tag": "project"}
    assert (settings.ec2.lookups, settings.ec2.call_budget) == (False, 7)
    assert (settings.ec2.calls_per_minute, settings.ec2.environments) == (60, 40)
    assert (settings.ec2.deadline_s, settings.ec2.cache_ttl_s) == (2, 30)
    assert settings.log_formats == LogFormats.parse(["${version} ${srcaddr} ${dstaddr} ${start} ${end} ${log-status}"])


# ---- the refresher ------------------------------------------------------------------------------------------------


def refresher_deployed(**chosen: str):
    """The refresher's environment."""
    return variables("RefreshFunction", **chosen)


def test_template_sets_exactly_the_refresher_s_documented_variables():
    """Nothing is set that nobody reads, nothing is read that an operator cannot see."""
    assert set(refresher_deployed()) == set(REFRESHER_VARIABLES)


def test_template_s_defaults_are_the_refresher_s():
    """A first deployment, no parameter typed, is what settings say when nothing is set but places and the stream."""
    expected = RefresherSettings("s3://a-lake/inventory/pointer.json", "vpc_flow_logs", MADE["DeliveryStream.Arn"])
    assert RefresherSettings.from_environ(refresher_deployed()) == expected


def test_parameters_reach_the_refresher():
    """Roles, regions, IPAM and the share of the limits are what an operator types."""
    readers = ["arn:aws:iam::222233334444:role/reader", "arn:aws:iam::333344445555:role/vpc/reader"]
    settings = RefresherSettings.from_environ(
        refresher_deployed(
            InventoryKey="inventory/all/pointer.json",
            RefreshRegions="eu-west-1,us-east-1",
            RefreshRoles=",".join(readers),
            RefreshExternalId="vpcflow-7",
            IpamScopes="ipam-scope-0a,ipam-scope-0b",
            IpamRegion="eu-central-1",
            IpamRole="arn:aws:iam::444455556666:role/ipam",
            RefreshApiShare="0.5",
        )
    )
    assert settings.inventory_uri == "s3://a-lake/inventory/all/pointer.json"
    assert settings.regions == ("eu-west-1", "us-east-1")
    assert settings.roles == (Role(readers[0], "222233334444"), Role(readers[1], "333344445555"))
    assert (settings.external_id, settings.api_share) == ("vpcflow-7", 0.5)
    assert settings.ipam_scopes == ("ipam-scope-0a", "ipam-scope-0b")
    assert settings.ipam_region == "eu-central-1"
    assert settings.ipam_role == Role("arn:aws:iam::444455556666:role/ipam", "444455556666")
