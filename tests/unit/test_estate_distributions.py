from dataclasses import fields, replace
from pathlib import Path

import pytest

from workbench.estate.distributions import BENCH, DEMO, Distributions, describe
from workbench.estate.kinds import KINDS
from workbench.estate.shares import apportion, zipf

DOCS = Path(__file__).parents[2] / "docs"


def test_digest_is_twelve_hexadecimal_digits_and_the_same_for_equal_parameters():
    """Figures taken with the same parameters print the same digest."""
    assert len(DEMO.digest()) == 12
    assert int(DEMO.digest(), 16) >= 0
    assert replace(DEMO).digest() == DEMO.digest()
    assert BENCH.digest() != DEMO.digest()


@pytest.mark.parametrize("parameter", [field.name for field in fields(Distributions)])
def test_digest_changes_with_any_parameter(parameter):
    """No parameter can change without the digest showing it."""
    assert replace(DEMO, **{parameter: "something else"}).digest() != DEMO.digest()


@pytest.mark.parametrize("preset", [DEMO, BENCH], ids=lambda preset: preset.name)
def test_shares_are_whole_and_every_kind_can_be_drawn(preset):
    """The kinds' shares add up to one and name exactly the kinds that exist."""
    assert sum(share for _, share in preset.kinds) == pytest.approx(1.0)
    assert {kind for kind, _ in preset.kinds} == set(KINDS)
    assert sum(vpc.weight for vpc in preset.vpcs) == pytest.approx(1.0)
    assert sum(share for _, share in preset.environments) == pytest.approx(1.0)


@pytest.mark.parametrize("preset", [DEMO, BENCH], ids=lambda preset: preset.name)
def test_a_pair_has_eight_connections_on_average_as_the_documentation_says(preset):
    """The mean of the Zipf distribution that the two numbers mean."""
    exponent, most = preset.pair_connections
    weights = [size**-exponent for size in range(1, most + 1)]
    mean = sum(size * weight for size, weight in enumerate(weights, start=1)) / sum(weights)
    assert mean == pytest.approx(8.0, abs=0.1)


def test_documentation_is_what_the_code_prints():
    """docs/estate.md is generated; run `python -m workbench.estate --describe > docs/estate.md` when this fails."""
    assert (DOCS / "estate.md").read_text(encoding="utf-8") == describe()


def test_description_names_every_parameter_and_both_digests():
    """A reader finds each number of each preset in the document."""
    text = describe()
    assert all(f"| `{field.name}` |" in text for field in fields(Distributions))
    assert f"`{DEMO.digest()}` | `{BENCH.digest()}`" in text


@pytest.mark.parametrize(
    ("total", "weights", "least", "expected"),
    [
        (10, [1, 1, 1], 0, [4, 3, 3]),
        (10, [0.5, 0.3, 0.2], 0, [5, 3, 2]),
        (7, [0.5, 0.3, 0.2], 1, [3, 2, 2]),
        (0, [1, 2], 0, [0, 0]),
    ],
)
def test_apportion_gives_everything_away_by_weight(total, weights, least, expected):
    """Largest remainders win what is left over; ties go to the first."""
    assert apportion(total, weights, least) == expected


def test_apportion_refuses_more_than_there_is():
    """A least share for everybody must fit into the total."""
    with pytest.raises(ValueError, match="2 cannot give at least 1 to each of 3"):
        apportion(2, [1, 1, 1], least=1)


def test_zipf_weights_fall_with_rank():
    """Rank r weighs 1/r to the exponent."""
    assert zipf(4, 1.0) == [1.0, 0.5, pytest.approx(1 / 3), 0.25]
