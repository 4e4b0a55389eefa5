"""The hand-off as a Prefect flow: what `shoal deliver` does, on a schedule."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from prefect import flow

from campaigns.settings import load
from campaigns.store import Store
from enforcement.rounds import deliver
from enforcement.sinks.made import names_of
from flows.resources import Flags


@flow(name="deliver-messages", persist_result=False)
def deliver_messages(flags: Flags | None = None) -> dict[str, dict[str, Any]]:
    """Send what is due to every sink of the settings; how far each is then. It fails as long as something that should
    have left did not, so that Prefect's page shows it.

    Raises:
        DeliveryPendingError: something did not leave.
        UsageError: the settings of a sink are not what they should be.
    """
    settings = load(flags).settings
    with Store.open(settings) as store:
        made = deliver(store, settings, names_of(settings.delivery))
    made.refuse_if_pending()
    return {name: asdict(one) for name, one in made.standing.items()}
