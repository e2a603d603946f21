"""The refresher's settings: what is read, what is refused."""

import pytest

from enricher.errors import SettingsError
from enricher.refresher_settings import REFRESHER_VARIABLES, RefresherSettings, Role

LEAST = {"INVENTORY_URI": "s3://lake/inventory/pointer.json", "GLUE_DATABASE": "flows"}
READER = "arn:aws:iam::111122223333:role/vpc/reader"


def settings(**variables: str) -> RefresherSettings:
    """Settings of the least variables and these."""
    return RefresherSettings.from_environ(LEAST | variables)


def test_the_least_is_two_variables():
    """Everything else has a default, and those are the dataclass's own."""
    assert settings() == RefresherSettings("s3://lake/inventory/pointer.json", "flows", "")


@pytest.mark.parametrize("name", sorted(LEAST))
def test_what_must_be_set_is_missed(name):
    """The error names the variable."""
    with pytest.raises(SettingsError, match=rf"^settings: {name} is empty; set it$"):
        settings(**{name: ""})


def test_roles_may_have_regions_of_their_own():
    """Behind the ARN; without, they have those of REFRESH_REGIONS."""
    told = settings(REFRESH_ROLES=f"{READER} eu-west-1, us-gov-west-1 ; arn:aws-us-gov:iam::222233334444:role/r")
    assert told.roles == (
        Role(READER, "111122223333", ("eu-west-1", "us-gov-west-1")),
        Role("arn:aws-us-gov:iam::222233334444:role/r", "222233334444"),
    )


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("INVENTORY_URI", "lake/inventory/pointer.json"),
        ("STREAM_ARN", "flow-logs"),
        ("REFRESH_REGIONS", "eu-west-1,Frankfurt"),
        ("REFRESH_ROLES", "reader"),
        ("REFRESH_ROLES", "arn:aws:iam::1111:role/reader"),
        ("REFRESH_ROLES", f"{READER} Frankfurt"),
        ("REFRESH_ROLES", f"{READER};arn:aws:iam::111122223333:role/other"),
        ("REFRESH_EXTERNAL_ID", "two words"),
        ("IPAM_SCOPES", "ipam-0a"),
        ("IPAM_REGION", "Frankfurt"),
        ("IPAM_ROLE", f"{READER};arn:aws:iam::222233334444:role/other"),
        ("IPAM_LAG_S", "-1"),
        ("REFRESH_API_SHARE", "0"),
        ("REFRESH_API_SHARE", "1.5"),
        ("REFRESH_SCAN_S", "soon"),
        ("REFRESH_KEEP_S", "-1"),
        ("REFRESH_MAX_GAP_S", "nan"),
        ("REFRESH_CONSISTENCY_S", "-1"),
    ],
)
def test_what_cannot_be_meant_is_refused_by_name(name, text):
    """One line, which begins with the variable."""
    with pytest.raises(SettingsError, match=rf"^settings: {name} \S[^\n]*$"):
        settings(**{name: text})


def test_every_variable_is_documented():
    """Each has a meaning of its own."""
    assert [name for name, meaning in REFRESHER_VARIABLES.items() if not meaning.strip()] == []
