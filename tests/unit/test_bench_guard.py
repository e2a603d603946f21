"""The guard's verdict on planted ratios, and on trees that cannot run."""

import random
import subprocess
from math import comb
from pathlib import Path

import pytest

from bench.guard import ERROR, PAIRS, GuardError, compare, judge, main, rank, tree_of


def drawn(seed, middle, scatter=0.02):
    """Ratios of the usual number of pairs: scattered, one of them far off, as where somebody else began to work."""
    chance = random.Random(seed)  # noqa: S311 - seeded, not secret
    ratios = [middle * chance.lognormvariate(0, scatter) for _ in range(PAIRS)]
    return [*ratios[1:], ratios[0] * chance.choice((0.8, 1.3))]


@pytest.mark.parametrize(("pairs", "place"), [(7, 1), (11, 2), (13, 3)])
def test_rank_by_hand(pairs, place):
    """Of 7 coins 1 in 128 has no head; of 11, 12 in 2,048 at most one; of 13, 92 in 8,192 at most two."""
    assert rank(pairs) == place
    assert sum(comb(pairs, heads) for heads in range(place)) / 2**pairs <= ERROR


def test_equal_trees_are_not_told_slower():
    """Of 1,000 comparisons of equal trees no more than the error that is allowed, for all the scatter."""
    found = [judge(drawn(seed, 1.0)).is_slower for seed in range(1000)]
    assert sum(found) <= 1000 * ERROR


@pytest.mark.parametrize(("middle", "least"), [(1.05, 0.9), (1.10, 0.99)])
def test_a_slowdown_is_seen(middle, least):
    """Five percent in nine of ten runs, ten percent in all but one of a hundred."""
    found = [judge(drawn(seed, middle)).is_slower for seed in range(1000)]
    assert sum(found) >= 1000 * least


def test_a_gain_is_no_slowdown():
    """It is told as what it is."""
    verdict = judge(drawn(1, 0.9))
    assert verdict.is_faster
    assert not verdict.is_slower


def test_layout_alone_is_tolerated():
    """One percent without any scatter is not slower; a little more is."""
    assert not judge([1.009] * PAIRS).is_slower
    assert judge([1.02] * PAIRS).is_slower


def test_too_few_pairs_can_never_tell(tmp_path):
    """Said before anything runs."""
    with pytest.raises(GuardError, match=r"^guard: 5 pairs can never tell; take 7 or more$"):
        compare(tmp_path, tmp_path, 5)


def test_an_unknown_commit_is_one_line(capsys):
    """What, where, the mend; exit code 2, no verdict."""
    assert main(["no-such-commit"]) == 2
    assert capsys.readouterr().err.startswith("guard: git has no tree of no-such-commit: ")


@pytest.mark.slow
def test_a_tree_without_a_bench_is_one_line(tmp_path: Path):
    """It is not a slow tree."""
    with pytest.raises(GuardError, match=r"cannot run its own bench: ModuleNotFoundError: .*; take another REF$"):
        compare(tmp_path, tmp_path, 7)


def test_a_commits_files_are_laid_out_and_go(tmp_path):
    """Those of the commit, not what lies there now; a directory that ends with the block."""
    git = ["git", "-C", str(tmp_path), "-c", "user.name=nobody", "-c", "user.email=nobody@example.com"]
    (tmp_path / "kept.py").write_text("before")
    for command in (["init", "-q"], ["add", "kept.py"], ["commit", "-q", "-m", "one"]):
        subprocess.run([*git, *command], check=True)  # noqa: S603 - our own words
    (tmp_path / "kept.py").write_text("after")

    with tree_of("HEAD", tmp_path) as tree:
        assert {path.name: path.read_text() for path in tree.iterdir()} == {"kept.py": "before"}
    assert not tree.exists()
    with (
        pytest.raises(GuardError, match=r"^guard: git has no tree of never: .*; name a commit$"),
        tree_of("never", tmp_path),
    ):
        pass
