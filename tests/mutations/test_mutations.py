"""The list of mutations fits the product it breaks, and what is broken is noticed."""

from __future__ import annotations

from pathlib import Path

import pytest

from scripts.mutants import Effort, copy_of_the_tree, hunt
from tests.exploration.setups import CI
from tests.mutations.mutations import MUTATIONS, Mutation

ROOT = Path(__file__).resolve().parents[2]
EXPLORED_ONLY = Effort(seeds=0, seconds=60)


@pytest.mark.parametrize("mutation", MUTATIONS, ids=lambda mutation: mutation.name)
def test_it_breaks_exactly_one_place(mutation: Mutation) -> None:
    assert (ROOT / mutation.file).read_text().count(mutation.old) == 1
    assert mutation.new != mutation.old


def test_every_mutation_has_a_name_and_setups_that_exist() -> None:
    assert len({mutation.name for mutation in MUTATIONS}) == len(MUTATIONS) >= 15
    named = {name for mutation in MUTATIONS for name in mutation.explored}
    assert named <= {setup.name for setup in CI}


def test_a_broken_copy_is_noticed_and_mended(tmp_path: Path) -> None:
    tree = copy_of_the_tree(tmp_path / "copy")
    broken = next(m for m in MUTATIONS if m.name == "a sell before the cancel is read")
    whole = (tree / broken.file).read_text()
    verdict = hunt(broken, tree, EXPLORED_ONLY)
    assert verdict.caught, verdict.by
    assert verdict.by.startswith("exploration: both prices at once:")
    assert (tree / broken.file).read_text() == whole
