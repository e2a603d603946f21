"""The template tells the function what its settings ask for."""

from static.templates import load, resources

from enricher.log_format import LogFormats
from enricher.schema import FIELDS_OF_VERSION
from enricher.settings import VARIABLES, Settings

MAIN = load("template.yaml")
ACCOUNT = "111122223333"
VARIABLES_SET = resources(MAIN, "AWS::Serverless::Function")["TransformFunction"]["Environment"]["Variables"]


def deployed(**chosen: str):
    """The function's environment as deployed with the template's defaults, other parameters as ``chosen``."""
    parameters = {name: str(parameter["Default"]) for name, parameter in MAIN["Parameters"].items()} | chosen
    known = parameters | {"LakeBucket": "a-lake", "AWS::StackName": "stack", "AWS::AccountId": ACCOUNT}

    def value(given) -> str:
        if isinstance(given, str):
            return given
        if "Ref" in given:
            return known[given["Ref"]]
        condition, if_given, otherwise = given["Fn::If"]
        assert condition == "HasInventory"
        assert if_given == {"Fn::Sub": "s3://${LakeBucket}/${InventoryKey}"}
        return f"s3://a-lake/{parameters['InventoryKey']}" if parameters["InventoryKey"] else otherwise

    return {name: value(given) for name, given in VARIABLES_SET.items()}


def test_template_sets_exactly_the_documented_variables():
    """Nothing is set that nobody reads, nothing is read that an operator cannot see."""
    assert set(VARIABLES_SET) == set(VARIABLES)


def test_template_s_defaults_are_the_code_s():
    """A first deployment, no parameter typed: nothing is set but bucket, format, and whose the inventory must be."""
    fields = " ".join(f"${{{field}}}" for field in FIELDS_OF_VERSION[5])
    assert Settings.from_environ(deployed()) == Settings("a-lake", LogFormats.parse([fields]), inventory_owner=ACCOUNT)


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
