"""`shoal serve`: the nightly run, and the hand-off."""

from __future__ import annotations

import typer

from flows.commands.console import say
from flows.commands.context import Call


def serve(ctx: typer.Context) -> None:
    """Serve the nightly run until it is stopped, through Prefect; and the hand-off, if delivery.sinks names a sink.

    When, in which time zone and on which traffic: the settings flow.schedule, flow.timezone and input. What was
    confirmed is handed over every five minutes, as `shoal deliver` does.

    [bold]Examples[/bold]
      shoal --set input='traffic/day={day}' serve
      shoal --set flow.schedule='0 3 * * *' serve
    """
    from flows.prefect_server import schedules_served
    from flows.prefect_settings import prepare

    call: Call = ctx.obj
    settings = call.settings
    prepare(settings.home, debug=call.debug)
    with schedules_served() as url:  # before Prefect is imported, which reads the URL once
        from flows.serve import serve as serve_flows

        at = f"{settings.flow.schedule} ({settings.flow.timezone})"
        more = " and hand-off every five minutes" if settings.delivery.sinks else ""
        say(f"nightly run at {at}{more}, scheduled by {url}; Ctrl-C stops", quiet=call.quiet)
        serve_flows(call.flags)
