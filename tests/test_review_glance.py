"""What a glance at a campaign tells: one sentence a group, the strongest first, and no more than it shows is read."""

from __future__ import annotations

from dataclasses import replace

import pytest
from queue_examples import STRONG, examples, exemplar, publish_queue

from accounts.signals.reading import Group
from campaigns.errors import UsageError
from campaigns.settings import Settings
from campaigns.store import Store
from review.evidence import Sheet, Signal, Standing
from review.glance import Glance, read_glance, telling
from review.marked_text import slots_in, template_parts
from review.run_tables import RunTables

ALL = examples(3)


@pytest.fixture(scope="module")
def tables(tmp_path_factory: pytest.TempPathFactory) -> RunTables:
    home = tmp_path_factory.mktemp("home")
    with Store.open(Settings(home=home)) as store:
        return RunTables(publish_queue(home, store, ALL))


def sheet(glance: Glance, *signals: tuple[Group, float, Standing]) -> Sheet:
    """That of a glance with other signals, each named by its place, in the order in which sheets hold them."""
    made = [
        Signal(f"signal {place}", group, 1.0, (), p_value, f"Sentence {place}.", standing)
        for place, (group, p_value, standing) in enumerate(signals)
    ]
    return replace(glance.sheet, signals=tuple(made))


def test_a_glance_is_of_its_campaign(tables: RunTables) -> None:
    for one in ALL:
        found = read_glance(tables, one.campaign_id)
        assert found.template.display() == one.template
        assert found.exemplar == exemplar(one)
        assert [signal.sentence for signal in found.sentences] == [f"{STRONG}."]
        assert found.n_more == 0


def test_the_slots_of_a_displayed_template_are_those_of_the_template(tables: RunTables) -> None:
    for one in ALL:
        template = read_glance(tables, one.campaign_id).template
        assert list(slots_in(template.display())) == list(template_parts(template))


def test_a_glance_at_a_stranger_is_refused(tables: RunTables) -> None:
    with pytest.raises(UsageError, match="was not seen on"):
        read_glance(tables, "c-none")


def test_the_strongest_of_each_group_tells_and_groups_that_count_come_first(tables: RunTables) -> None:
    found = read_glance(tables, ALL[0].campaign_id)
    told = telling(
        sheet(
            found,
            (Group.REGISTRATION, 1e-4, Standing.SPEAKS),
            (Group.REGISTRATION, 1e-3, Standing.SPEAKS),
            (Group.TIMING, 1e-6, Standing.SPEAKS),
            (Group.GRAPH, 0.5, Standing.SILENT),
            (Group.VOLUME, 1e-9, Standing.SPEAKS),
        )
    )
    assert [one.name for one in told] == ["signal 2", "signal 0", "signal 4"]


def test_what_is_left_out_is_counted(tables: RunTables) -> None:
    found = read_glance(tables, ALL[0].campaign_id)
    groups = (Group.REGISTRATION, Group.INFRASTRUCTURE, Group.TIMING, Group.EVENNESS, Group.GRAPH)
    more = replace(found, sheet=sheet(found, *((group, 1e-4, Standing.SPEAKS) for group in groups)))
    assert (len(more.sentences), more.n_more) == (3, 2)
