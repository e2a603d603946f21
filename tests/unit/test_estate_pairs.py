import numpy as np
import pytest

from workbench.estate import DEMO, build_estate
from workbench.estate.connections import Draw
from workbench.estate.population import populate


@pytest.fixture
def draw():
    """Seeded choices over the demo estate."""
    rng = np.random.default_rng(3)
    return Draw(populate(build_estate(DEMO, seed=1), rng), rng)


@pytest.mark.parametrize("count", [0, 1, 7, 250, 10_000])
def test_pairs_share_out_exactly_the_connections_asked_for(draw, count):
    """However many are asked for, the pairs have that many in all, each at least one and at most 200."""
    sizes = draw.pairs(count).tolist()
    assert sum(sizes) == count
    assert all(1 <= size <= 200 for size in sizes)


def test_pairs_are_heavy_tailed_with_a_mean_of_eight(draw):
    """A pair has eight connections on average, two fifths of the pairs have one, a tenth of them more than half."""
    sizes = sorted(draw.pairs(200_000).tolist(), reverse=True)
    assert 200_000 / len(sizes) == pytest.approx(8.0, rel=0.1)
    assert sum(sizes[: len(sizes) // 10]) > 100_000
    assert sizes.count(1) > 0.4 * len(sizes)
