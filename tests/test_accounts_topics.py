"""Slots: dealt out, or everybody's own? And does anybody repeat what others sent?"""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import sparse

from accounts.signals import topics as room
from accounts.signals.content import _p_dealt, own_words, read_content, slots
from accounts.signals.topics import OWN, Topics, exchangeability, level, likeness, read_topics

N_TOPICS, PER_TOPIC, WORDS = 15, 40, 4


@pytest.fixture(autouse=True)
def _few_permutations(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(room, "PERMUTATIONS", 99)


def slot_words(accounts: NDArray[np.int64], own: float, rng: np.random.Generator) -> sparse.csr_matrix:
    """Four words of a topic for each prompt: of its account's with probability `own`, else of any."""
    n = len(accounts)
    topic = np.where(rng.random(n) < own, accounts % N_TOPICS, rng.integers(0, N_TOPICS, n))
    columns = topic[:, None] * PER_TOPIC + rng.integers(0, PER_TOPIC, (n, WORDS))
    at = (np.repeat(np.arange(n), WORDS), columns.ravel())
    words = sparse.csr_matrix((np.ones(n * WORDS, np.float32), at), shape=(n, N_TOPICS * PER_TOPIC))
    words.sum_duplicates()
    words.data[:] = 1.0
    return words


def judged(n_accounts: int, each: int, own: float, seed: int, n_strata: int = 1) -> Topics | None:
    rng = np.random.default_rng(seed)
    accounts = np.repeat(np.arange(n_accounts), each)
    strata = rng.integers(0, n_strata, len(accounts))
    return exchangeability(likeness(slot_words(accounts, own, rng)), accounts, strata, rng)


def simulated(n_accounts: int, each: int, own: float, n: int, n_strata: int = 1) -> list[Topics]:
    found = [judged(n_accounts, each, own, seed, n_strata) for seed in range(n)]
    return [one for one in found if one is not None]


# -- the null and power --------------------------------------------------------------------------------


@pytest.mark.parametrize(("n_accounts", "each", "n_strata"), [(10, 3, 1), (30, 2, 3), (40, 3, 1)])
def test_dealt_slots_group_no_better_than_labels_at_random(n_accounts: int, each: int, n_strata: int) -> None:
    found = simulated(n_accounts, each, 0.0, 300, n_strata)
    p_values = np.array([one.p_own for one in found])
    for share in (0.01, 0.05, 0.1, 0.25):
        error = np.sqrt(share * (1 - share) / len(found))
        # Prompts of few words have many ties, which count against it.
        assert 0.5 * share - 2 * error < np.mean(p_values <= share) <= share + 3 * error
    assert np.mean([one.superiority for one in found]) == pytest.approx(0.5, abs=0.01)


@pytest.mark.parametrize(
    ("n_accounts", "each", "own", "least", "most"),
    [
        (10, 3, 1.0, 0.95, 1.0),  # measured 1.00
        (40, 3, 1.0, 1.0, 1.0),  # 1.00
        (40, 3, 0.5, 0.8, 1.0),  # half of the prompts
        (10, 3, 0.5, 0.1, 0.6),  # 0.37
        (5, 2, 1.0, 0.0, 0.4),  # 0.14
    ],
)
def test_own_topics_are_seen(n_accounts: int, each: int, own: float, least: float, most: float) -> None:
    found = simulated(n_accounts, each, own, 60)
    assert least <= np.mean([one.p_own <= 0.01 for one in found]) <= most


@pytest.mark.parametrize(("n_accounts", "each", "least"), [(10, 3, 0.9), (40, 3, 1.0), (30, 2, 0.95)])
def test_dealt_slots_are_shown_to_be_dealt(n_accounts: int, each: int, least: float) -> None:
    found = simulated(n_accounts, each, 0.0, 60)
    assert np.mean([one.p_dealt <= 0.05 for one in found]) >= least
    assert min(one.power for one in found) > 0.5


def test_own_topics_are_hardly_ever_shown_to_be_dealt() -> None:
    """Topics so wide that superiority is only just that of `OWN`: an error of 5 % is agreed."""
    found = simulated(40, 3, 1.0, 100)
    assert np.mean([one.superiority for one in found]) == pytest.approx(OWN, abs=0.02)
    assert np.mean([one.p_dealt <= 0.05 for one in found]) <= 0.1
    assert not any(one.p_dealt <= 0.05 and one.p_own > 0.05 for one in found)


@pytest.mark.parametrize(("n_accounts", "each"), [(5, 1), (1, 10), (2, 3), (0, 0)])
def test_what_too_few_accounts_cannot_show_is_not_tested(n_accounts: int, each: int) -> None:
    assert judged(n_accounts, each, 1.0, 0) is None
    assert np.isnan(read_topics(None, 1).p_value)
    assert read_topics(None, 1).sentence.startswith("Not tested: ")


def test_one_account_with_two_prompts_among_others_with_one_is_not_tested() -> None:
    accounts = np.array([0, 0, 1, 2, 3, 4])
    rng = np.random.default_rng(0)
    assert (
        exchangeability(likeness(slot_words(accounts, 1.0, rng)), accounts, np.zeros(6, np.int64), rng)
        is None
    )


# -- oracles -------------------------------------------------------------------------------------------


def test_pseudo_f_is_permanovas() -> None:
    """Anderson (2001), from the squared distances, summed over pairs; of two wordings, each less its own likeness."""
    rng = np.random.default_rng(1)
    accounts, strata = np.repeat([0, 1, 2, 3], [2, 3, 4, 1]), np.tile([0, 1], 5)
    wording = sparse.csr_matrix(np.eye(2, dtype=np.float32)[strata])
    alike = likeness(sparse.hstack([slot_words(accounts, 0.5, rng), wording]).tocsr())
    squared = 2 - 2 * level(alike, strata).astype(np.float64)
    total = sum(squared[i, j] for i, j in combinations(range(10), 2)) / 10
    within = 0.0
    for account in range(4):
        own = np.flatnonzero(accounts == account)
        within += sum(squared[i, j] for i, j in combinations(own, 2)) / len(own)
    found = exchangeability(alike, accounts, strata, rng)
    assert found is not None
    assert found.pseudo_f == pytest.approx(((total - within) / 3) / (within / 6), rel=1e-4)


def test_superiority_by_brute_force() -> None:
    rng = np.random.default_rng(2)
    accounts = np.repeat([0, 1, 2, 3, 4], [2, 3, 4, 1, 2])
    strata = rng.integers(0, 2, len(accounts))
    alike = likeness(slot_words(accounts, 0.7, rng))
    levelled = level(alike, strata)
    each = []
    for account in (0, 1, 2, 4):
        own = np.flatnonzero(accounts == account)
        parts = []
        for a in own:
            for b in own[own != a]:
                strangers = np.flatnonzero((accounts != account) & (strata == strata[b]))
                less = levelled[a, strangers] - levelled[a, b]
                parts.append(np.mean(np.where(abs(less) < 1e-6, 0.5, less < 0)))
        each.append(np.mean(parts))
    found = exchangeability(alike, accounts, strata, rng)
    assert found is not None
    assert found.n_accounts == 4
    assert found.superiority == pytest.approx(np.mean(each), abs=1e-6)


def test_the_order_of_the_prompts_does_not_matter() -> None:
    rng = np.random.default_rng(3)
    accounts, strata = np.repeat(np.arange(8), 3), np.tile([0, 1], 12)
    words = slot_words(accounts, 0.5, rng)
    order = rng.permutation(24)
    one = exchangeability(likeness(words), accounts, strata, np.random.default_rng(0))
    other = exchangeability(likeness(words[order]), accounts[order], strata[order], np.random.default_rng(0))
    assert one is not None
    assert other is not None
    assert (one.pseudo_f, one.superiority) == pytest.approx((other.pseudo_f, other.superiority), rel=1e-4)


def test_labels_are_exchanged_within_strata_only() -> None:
    rng = np.random.default_rng(4)
    order, strata = rng.permutation(30), rng.integers(0, 4, 30)
    for _ in range(20):
        permuted = room._permuted(order, strata, rng)
        assert sorted(permuted) == list(range(30))
        assert (strata[permuted] == strata[order]).all()


def test_level_leaves_every_block_a_mean_of_zero() -> None:
    rng = np.random.default_rng(5)
    strata = np.repeat([0, 1, 2], [5, 6, 1])
    levelled = level(likeness(slot_words(np.arange(12), 0.0, rng)), strata)
    np.fill_diagonal(levelled, np.nan)
    for a, b in combinations(range(3), 2):
        assert np.nanmean(levelled[strata == a][:, strata == b]) == pytest.approx(0, abs=1e-6)
    for a in (0, 1):
        assert np.nanmean(levelled[strata == a][:, strata == a]) == pytest.approx(0, abs=1e-6)


def test_wordings_alone_make_no_topics() -> None:
    """Half of the accounts got one wording, whose left-over words are alike; the slots are dealt out."""
    p_values = []
    for seed in range(100):
        rng = np.random.default_rng(seed)
        accounts = np.repeat(np.arange(20), 3)
        strata = (accounts % 2).astype(np.int64)
        wording = sparse.csr_matrix(np.eye(2, dtype=np.float32)[strata])
        words = sparse.hstack([slot_words(accounts, 0.0, rng), wording]).tocsr()
        found = exchangeability(likeness(words), accounts, strata, rng)
        assert found is not None
        p_values.append(found.p_own)
    assert np.mean(np.array(p_values) <= 0.05) <= 0.05 + 3 * np.sqrt(0.05 * 0.95 / 100)


def test_likeness_is_the_cosine_by_rarity() -> None:
    words = sparse.csr_matrix(np.array([[1, 1, 0], [1, 0, 1], [0, 0, 0]], np.float32))
    common, rare = np.log(4 / 2), np.log(4 / 1)
    found = likeness(words)
    assert found[0, 1] == pytest.approx(common**2 / (common**2 + rare**2))
    assert np.diag(found) == pytest.approx([1, 1, 0])
    assert likeness(sparse.csr_matrix((3, 0), dtype=np.float32)).tolist() == [[0.0] * 3] * 3


# -- copies --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("n", "length"), [(50, 10), (50, 50), (1_000, 300), (1_000, 30)])
def test_a_list_dealt_out_evenly_repeats_no_text_too_often(n: int, length: int) -> None:
    """The length of the list is read from the same prompts: the test is conservative."""
    p_values = []
    for seed in range(400):
        times = np.bincount(np.random.default_rng(seed).integers(0, length, n))
        p_values.append(_p_dealt(n, times[times > 0]))
    for share in (0.01, 0.05, 0.1, 0.25):
        assert np.mean(np.array(p_values) <= share) <= share + 3 * np.sqrt(share * (1 - share) / 400)
    assert np.mean(np.array(p_values) <= 0.5) > 0.2


def test_one_text_that_people_copy_is_not_dealt() -> None:
    assert _p_dealt(60, np.r_[12, np.ones(48, np.int64)]) < 1e-6
    assert _p_dealt(60, np.r_[2, np.ones(58, np.int64)]) > 0.5
    assert _p_dealt(9, np.ones(9, np.int64)) == 1.0
    assert _p_dealt(5, np.array([5])) > 0.5


def test_a_single_copy_among_a_hundred_thousand_is_dealt() -> None:
    assert _p_dealt(100_000, np.r_[2, np.ones(99_998, np.int64)]) == pytest.approx(1 - np.exp(-1), abs=0.01)


def test_figures_of_the_slots() -> None:
    accounts, texts = np.array([0, 0, 1, 2, 2]), np.array([7, 7, 7, 8, 9])
    found = slots(accounts, texts, np.array([0, 0, 0, 2, 4]), np.array([4, 4, 4, 6, 8]))
    assert (found.uniqueness, found.copied, found.bare, found.words) == (0.6, 0.5, 0.6, 0.0)
    assert found.novelty == 0.0
    partition = read_content(found)[-1]
    assert partition.value == 0.5
    assert 0 <= partition.p_value <= 1


def test_the_words_besides_the_template_of_each_wording() -> None:
    words = sparse.csr_matrix(
        np.array(
            [[1, 1, 0, 0], [1, 0, 1, 0], [1, 0, 0, 1], [0, 1, 0, 1], [0, 1, 1, 0], [1, 1, 1, 1]], np.float32
        )
    )
    kept = own_words(words, np.array([0, 0, 0, 1, 1, 2]))
    assert kept.toarray().tolist() == [
        [0, 1, 0, 0], [0, 0, 1, 0], [0, 0, 0, 1],  # the first word is the template
        [0, 0, 0, 1], [0, 0, 1, 0],
        [1, 1, 1, 1],  # of a single prompt nothing can be told
    ]  # fmt: skip
    assert words.nnz == 14
