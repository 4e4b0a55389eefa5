"""Wordings of one task that share a pool are joined; two jobs, a bridge and strangers are not."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from accounts_cases import Family, leaking, members_of, population
from numpy.typing import NDArray

from accounts.chance import Chance
from accounts.members import Members
from accounts.population import Population
from accounts.wordings import join_wordings
from campaigns.records import Objective

SORT = "sort these goods by what they are worth {}"
ORDER = "put these goods in order of what they are worth {}"
GERMAN = "ordne die folgenden waren nach ihrem wert {}"
POEM = "write a short poem about rain and rivers on {}"


def people_with(rows: NDArray[np.int64], n_prompts: int, n: int = 2_000) -> Population:
    return leaking(population(n, 1), rows, n_prompts=n_prompts)


def wording(
    template: str, accounts: NDArray[np.int64], rng: np.random.Generator, language: int = 0
) -> Family:
    texts = [template.format(" ".join(f"w{k}" for k in rng.integers(0, 9_000, 3))) for _ in accounts]
    return Family(accounts.astype(np.int64), texts, language=language)


def rotated(
    templates: list[str], languages: list[int], seed: int = 0, n_accounts: int = 40, each: int = 4
) -> Members:
    """A pool whose every prompt has one of the wordings at random, beside two families of others' prompts."""
    rng = np.random.default_rng(seed)
    rows = np.arange(n_accounts)
    people = people_with(rows, each + 1)
    senders, dealt = np.repeat(rows, each), rng.integers(0, len(templates), n_accounts * each)
    families = [
        wording(template, senders[dealt == i], rng, languages[i]) for i, template in enumerate(templates)
    ]
    others = [
        wording(template, rng.choice(np.arange(100, 2_000), 60, replace=False), rng)
        for template in ("sort these books by size {}", "put these words in order {}")
    ]
    return members_of(people, [*families, *others])


def joined(members: Members) -> list[int]:
    return join_wordings(members)[0].tolist()


def test_rotated_wordings_are_one_campaign() -> None:
    found, joins = join_wordings(rotated([SORT, ORDER], [0, 0]))
    assert found[0] == found[1]
    assert found[2:].tolist() == [2, 3]
    assert len(joins) == 1
    assert joins[0].shared > 5 * joins[0].expected
    assert joins[0].log_p < -20
    assert joins[0].cosine > 0.1


@pytest.mark.parametrize("seed", range(5))
def test_translations_are_one_campaign_without_a_word_in_common(seed: int) -> None:
    found = joined(rotated([SORT, GERMAN], [0, 1], seed))
    assert found[0] == found[1]


def test_the_largest_wording_names_the_campaign() -> None:
    members = rotated([SORT, ORDER, GERMAN], [0, 0, 1])
    sizes = np.asarray(members.counts.sum(axis=1)).ravel()
    assert joined(members)[:3] == [int(sizes[:3].argmax())] * 3


@pytest.mark.parametrize("seed", range(5))
def test_two_jobs_on_one_pool_stay_two(seed: int) -> None:
    """Every account serves both alike: of dealt-out wordings some would have got but one."""
    rng = np.random.default_rng(seed)
    rows = np.arange(100)
    senders = np.repeat(rows, 2)
    families = [wording(SORT, senders, rng), wording("sort these rivers by {} length they are", senders, rng)]
    assert joined(members_of(people_with(rows, 5), families)) == [0, 1]


def test_other_tasks_of_one_pool_stay_apart() -> None:
    assert joined(rotated([SORT, POEM], [0, 0]))[:2] == [0, 1]


def test_wordings_that_share_hardly_a_word_are_joined_by_what_they_are_after() -> None:
    """One word in common is too little, unless both labels say grading."""
    rate = "rate each answer below for tone depth clarity and give a mark from one to ten {}"
    judge = "score two replies against each other and name the better answer {}"
    members = rotated([rate, judge], [0, 0])
    clear = [Objective.GRADING] * members.n_families
    unclear = [Objective.UNCLEAR] * members.n_families
    apart, together = (join_wordings(members, objectives)[0] for objectives in (unclear, clear))
    assert apart[0] != apart[1]
    assert together[0] == together[1]


def test_wordings_without_a_common_word_are_joined_by_what_they_ask_for() -> None:
    members = rotated([SORT, POEM], [0, 0])
    angles = np.radians([0.0, 60.0, 180.0, 270.0])
    alike = np.column_stack([np.cos(angles), np.sin(angles)])
    angles[1] = np.radians(80.0)
    other = np.column_stack([np.cos(angles), np.sin(angles)])
    (joined_to, joins), (left, _) = (join_wordings(members, directions=one) for one in (alike, other))
    assert [join.by_direction for join in joins] == [True]
    assert joined_to[0] == joined_to[1]
    assert left[0] != left[1]
    nothing = np.zeros((members.n_families, 8), np.float16)
    assert join_wordings(members, directions=nothing)[0].tolist() == left.tolist()


def test_two_jobs_that_ask_for_much_the_same_stay_two() -> None:
    """What an encoder sees is no reason where accounts serve both more often than dealing would give."""
    rng = np.random.default_rng(3)
    rows = np.arange(100)
    senders = np.repeat(rows, 2)
    families = [wording(SORT, senders, rng), wording("sort these rivers by {} length they are", senders, rng)]
    members = members_of(people_with(rows, 5), families)
    assert join_wordings(members, directions=np.ones((2, 1)))[0].tolist() == [0, 1]


@pytest.mark.parametrize("seed", range(5))
def test_a_bridge_joins_nothing(seed: int) -> None:
    """One account with a prompt in each of two wordings whose other senders send nothing else: by chance 0.01 would."""
    rng = np.random.default_rng(seed)
    people = people_with(np.arange(101), 1, 6_000)
    n_prompts = people.n_prompts.copy()
    n_prompts[0] = 2
    left, right = np.arange(50), np.append(0, np.arange(50, 100))
    families = [wording(SORT, left, rng), wording(ORDER, right, rng), wording(POEM, np.arange(200, 260), rng)]
    assert joined(members_of(replace(people, n_prompts=n_prompts), families)) == [0, 1, 2]


def test_families_of_anybodys_prompts_are_not_joined() -> None:
    """Twelve families of a hundred prompts of one phrase book each, by senders as much as they send."""
    for seed in range(10):
        rng = np.random.default_rng(seed)
        people = population(1_500, seed)
        some = rng.choice(np.repeat(np.arange(1_500), people.n_prompts), (12, 100), replace=False)
        families = [
            wording(f"say it in style {i}" + " of {}", senders, rng) for i, senders in enumerate(some)
        ]
        assert len(join_wordings(members_of(people, families))[1]) == 0


def test_a_small_wording_is_compared_with_all_of_the_others_accounts() -> None:
    """It shares a single account with each of the large ones."""
    rng = np.random.default_rng(4)
    rows = np.arange(40)
    shared = [wording(SORT, np.append(rows[:30], rows[:30]), rng), wording(ORDER, rows[10:], rng)]
    small = wording("put the goods in order by worth {}", np.array([5, 35, 36, 6]), rng)
    assert joined(members_of(people_with(rows, 4), [*shared, small])) == [0, 0, 0]


def test_the_order_of_the_rows_does_not_matter() -> None:
    members = rotated([SORT, ORDER, GERMAN], [0, 0, 1])
    order = np.random.default_rng(9).permutation(len(members.families))
    names = ("families", "accounts", "texts", "minutes")
    shuffled = replace(members, **{name: getattr(members, name)[order] for name in names})
    assert joined(shuffled) == joined(members)


def test_the_numbers_of_the_families_do_not_matter() -> None:
    """Other numbers, the same campaigns."""
    members = rotated([SORT, ORDER, GERMAN], [0, 0, 1])
    names = np.array([4, 2, 0, 3, 1])
    found = joined(replace(members, families=names[members.families]))
    assert len({found[names[i]] for i in range(3)}) == 1
    assert len(set(found)) == 3


def test_what_is_pooled_is_summed() -> None:
    """Counts and vocabularies of sparse rows, as dense ones would give them."""
    from accounts.wordings import _groups, _join, _pool

    members = rotated([SORT, ORDER], [0, 0])
    n = members.n_families
    groups = _groups(members, [Objective.UNCLEAR] * n, np.eye(n))
    dense = members.counts.toarray()
    activity = members.population.n_prompts
    chance = Chance(activity)
    join = _join(0, 1, groups[0], groups[1], activity, chance)
    assert join is not None
    assert join.shared == np.count_nonzero(dense[0] * dense[1])
    expected = []
    for one, other in ((0, 1), (1, 0)):
        own = dense[one] > 0
        rate = chance.rate(np.count_nonzero(dense[other]))
        expected.append(chance.shared(activity[own], rate))
    assert join.expected == pytest.approx(max(expected))
    vocabularies = np.zeros((2, members.words.shape[1]))
    for i in (0, 1):
        vocabularies[i, groups[i].vocabulary.places] = groups[i].vocabulary.values
    lengths = np.linalg.norm(vocabularies, axis=1)
    assert join.cosine == pytest.approx(vocabularies[0] @ vocabularies[1] / lengths.prod())
    _pool(groups[0], groups[1])
    assert groups[0].counts.values.tolist() == (dense[0] + dense[1])[groups[0].counts.places].tolist()
    pooled = np.average(vocabularies, axis=0, weights=dense[:2].sum(axis=1))
    assert groups[0].vocabulary.values == pytest.approx(pooled[groups[0].vocabulary.places])
