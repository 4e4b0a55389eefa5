from __future__ import annotations

from itertools import combinations
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from run_examples import GRADES, HOSTILE, LEDGER, publish_example
from store_examples import MONDAY, TUESDAY
from web_examples import opened, words

from campaigns import files
from campaigns.entries import Verdict
from campaigns.records import ACCOUNTS, BRIDGES, CAMPAIGNS, OPERATORS, Objective, Tier
from campaigns.runs import Run, open_run
from campaigns.sessions import Role
from review.operator import read_operator
from review.run_tables import RunTables
from review.web.ties import MOST_NODES, MOST_OUTSIDE, Ties, ties

OPERATOR = "o-aaaa1111"


@pytest.fixture
def home(tmp_path: Path) -> Path:
    publish_example(tmp_path)
    return tmp_path


def write(run: Run, name: str, rows: list[dict[str, Any]], schema: pa.Schema) -> None:
    files.write_parquet(run.path / f"{name}.parquet", pa.Table.from_pylist(rows, schema))


def pool(folder: Path, n: int, outside: int = 0) -> RunTables:
    """An operator of `n` campaigns. Campaigns i and j share i + j accounts; the first is bridged to `outside` more."""
    run = open_run(folder, MONDAY, "f")
    names = [f"c-{i:03}" for i in range(n + outside)]
    members = [
        {"operator_id": "o-pool", "campaign_id": name, "membership": 1.0, "reasons": []} for name in names[:n]
    ]
    accounts = [
        {"account_id": f"a-{i}-{j}-{k}", "campaign_id": names[end], "n_prompts": 1, "share": 1.0, "strength": 1.0,
         "is_core": True, "reasons": []}
        for i, j in combinations(range(n), 2)
        for k in range(i + j)
        for end in (i, j)
    ]  # fmt: skip
    accounts.sort(key=lambda row: (row["campaign_id"], row["account_id"]))
    campaigns = [
        {"campaign_id": name, "tier": Tier.REVIEW.value, "score": 0.5, "n_prompts": 10 + i, "n_accounts": 2,
         "template": "", "label": name, "summary": "", "objective": Objective.UNCLEAR.value,
         "objective_confidence": 0.0, "keyphrases": [], "exemplar_prompt_ids": [], "reasons": []}
        for i, name in enumerate(names)
    ]  # fmt: skip
    bridges = [
        {"campaign_id": names[0], "other_id": name, "n_shared": 2, "expected": 0.5, "account_ids": []}
        for name in names[n:]
    ]
    write(run, "operators", members, OPERATORS)
    write(run, "accounts", accounts, ACCOUNTS)
    write(run, "campaigns", campaigns, CAMPAIGNS)
    write(run, "bridges", bridges, BRIDGES)
    return RunTables(run)


def picture(tables: RunTables) -> Ties:
    return ties(tables, read_operator(tables, "o-pool"))


@pytest.mark.parametrize(("n", "outside"), [(1, 0), (1, 3), (2, 0), (5, 2), (12, 20)])
def test_lines_join_the_nodes_that_share_accounts_and_all_lies_in_the_box(
    tmp_path: Path, n: int, outside: int
) -> None:
    found = picture(pool(tmp_path, n, outside))
    places = {(node.x, node.y): node for node in found.nodes}
    assert len(places) == n + min(outside, MOST_OUTSIDE)
    left, top, width, height = found.box
    for node in found.nodes:
        assert left <= node.x - node.radius
        assert node.x + node.radius <= left + width
        assert top <= node.y - node.radius
        assert node.y + node.radius <= top + height
    inside = {}
    for line in found.lines:
        ends = [places[line.x1, line.y1], places[line.x2, line.y2]]
        assert line.bridge == any(end.outside for end in ends)
        if not line.bridge:
            inside[frozenset(end.campaign.campaign_id for end in ends)] = line.n_shared
    expected = {frozenset((f"c-{i:03}", f"c-{j:03}")): i + j for i, j in combinations(range(n), 2)}
    assert inside == {pair: shared for pair, shared in expected.items() if shared}


def test_nodes_do_not_cover_each_other_and_the_largest_has_the_most_prompts(tmp_path: Path) -> None:
    found = picture(pool(tmp_path, 9, 4))
    for one, other in combinations(found.nodes, 2):
        assert ((one.x - other.x) ** 2 + (one.y - other.y) ** 2) ** 0.5 > 20
    inside = [node for node in found.nodes if not node.outside]
    assert max(inside, key=lambda node: node.radius).campaign.n_prompts == 18
    assert [node.mark for node in inside] == [str(n) for n in range(1, 10)]
    assert sorted(node.mark for node in found.nodes if node.outside) == ["a", "b", "c", "d"]


def test_campaigns_for_which_there_is_no_room_are_counted(tmp_path: Path) -> None:
    found = picture(pool(tmp_path, MOST_NODES + 3))
    assert (len(found.nodes), found.left_out) == (MOST_NODES, 3)


def test_operators_are_listed_with_campaigns_and_tiers(home: Path) -> None:
    with opened(home, Role.VIEWER) as page:
        html = page.text("/operators")
    assert f'href="/operators/{OPERATOR}"' in html
    shown = words(html)
    assert f"Operators of {MONDAY}" in shown
    assert "Balance the ledger 5 4 1 review , 1 benign" in shown


def test_an_operator_shows_memberships_reasons_bridges_and_decisions(home: Path) -> None:
    with opened(home) as page:
        page.store.decide(GRADES, Verdict.WATCH, reason=f"small {HOSTILE}", author="ben")
        html = page.text(f"/operators/{OPERATOR}")
        reference = page.desk.links.reference(HOSTILE)
    shown = words(html)
    assert f"On {MONDAY}: 2 campaigns, 5 prompts by 4 accounts, of which 0 work for two or more" in shown
    assert "membership 0.75" in shown
    assert "membership 0.25" in shown
    assert "watch Grading:" in shown
    assert f'href="/accounts/{reference}"' in html
    assert f'href="/queue?operator={OPERATOR}&amp;tier=all&amp;decision=all&amp;state=all"' in html
    assert "</script><!--" not in html


def test_shared_accounts_lead_to_their_pages(home: Path) -> None:
    run = Run(home / "runs" / str(MONDAY) / "1", MONDAY, 1, "f1")
    rows = run.table("accounts").to_pylist()
    rows.append(rows[1] | {"campaign_id": LEDGER})
    write(run, "accounts", rows, ACCOUNTS)
    with opened(home) as page:
        html = page.text(f"/operators/{OPERATOR}")
        assert f'href="/accounts/{page.desk.links.reference("acct-2")}"' in html
    assert "of which 1 work" in words(html)
    assert "acct-2 1, 2" in words(html)
    assert '<text class="count"' in html


def test_an_operator_or_a_day_without_one_is_told(home: Path, tmp_path: Path) -> None:
    with opened(home) as page:
        assert page.client.get("/operators/o-nobody").status_code == 400
        assert page.client.get(f"/operators?day={TUESDAY}").status_code == 400
    run = Run(home / "runs" / str(MONDAY) / "1", MONDAY, 1, "f1")
    write(run, "operators", [], OPERATORS)
    with opened(home) as page:
        assert "tied to one operator" in words(page.text("/operators"))
    with opened(tmp_path / "empty") as page:
        assert "No day is published yet" in words(page.text("/operators"))
