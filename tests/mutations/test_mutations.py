"""The list of mutations fits the product it breaks, and what is broken is noticed."""

from __future__ import annotations

from pathlib import Path

import pytest

from scripts.mutants import Effort, copy_of_the_tree, hunt
from tests.exploration.setups import CI
from tests.mutations.mutations import MUTATIONS, Mutation
from tests.simulation.options import Profile
from tests.simulation.scenarios import SCENARIOS
from tests.simulation.scenarios.watching import WATCHING

ROOT = Path(__file__).resolve().parents[2]
NO_DRAWN_WORLDS = Effort(seeds=0, seconds=60)


@pytest.mark.parametrize("mutation", MUTATIONS, ids=lambda mutation: mutation.name)
def test_it_breaks_exactly_one_place(mutation: Mutation) -> None:
    assert (ROOT / mutation.file).read_text().count(mutation.old) == 1
    assert mutation.new != mutation.old


def test_every_mutation_has_a_name_and_places_that_exist() -> None:
    assert len({mutation.name for mutation in MUTATIONS}) == len(MUTATIONS) >= 15
    assert {name for mutation in MUTATIONS for name in mutation.explored} <= {setup.name for setup in CI}
    assert {name for mutation in MUTATIONS for name in mutation.told} <= {*SCENARIOS, *WATCHING}
    assert {mutation.profile for mutation in MUTATIONS} <= {"", *Profile}


@pytest.mark.parametrize(
    ("name", "seen"),
    [
        ("a sell before the cancel is read", "exploration: both prices at once: "),
        ("an exit of the plan", "simulator: a part is sold, then the rest: "),
    ],
)
def test_a_broken_copy_is_noticed_and_mended(name: str, seen: str, tmp_path: Path) -> None:
    tree = copy_of_the_tree(tmp_path / "copy")
    broken = next(mutation for mutation in MUTATIONS if mutation.name == name)
    whole = (tree / broken.file).read_text()
    verdict = hunt(broken, tree, NO_DRAWN_WORLDS)
    assert verdict.caught, verdict.by
    assert verdict.by.startswith(seen)
    assert (tree / broken.file).read_text() == whole
