"""`shoal doctor`: will a run work here?"""

from __future__ import annotations

from dataclasses import asdict

import typer

from flows.commands.console import console, counted, print_json, safe, say
from flows.commands.context import Call, Json

_STYLES = {"ok": "green", "warn": "yellow", "fail": "bold red"}


def doctor(ctx: typer.Context, as_json: Json = False) -> None:
    """Check versions, model, store, disk and settings; each finding comes with a remedy.

    Leaves with 7 when a file is not what it should be, with 2 when something else has to be put right, else
    with 0. Nothing is changed.

    [bold]Examples[/bold]
      shoal doctor
      shoal --home /srv/shoal doctor --json
    """
    from flows.commands.checks import examine

    call: Call = ctx.obj
    findings = []
    printer = console()
    for finding in examine(call.settings):
        findings.append(finding)
        if not as_json:
            line = safe(f"{finding.level:<5}", _STYLES[finding.level]) + safe(f"{finding.name:<12}", "bold")
            printer.print(line + safe(finding.found), soft_wrap=True)
            if finding.remedy:
                printer.print(safe(f"{'':<17}{finding.remedy}", "dim"), soft_wrap=True)
    if as_json:
        print_json([asdict(finding) for finding in findings])
    failed = [finding for finding in findings if finding.level == "fail"]
    if failed:
        raise typer.Exit(max(finding.exit_code for finding in failed))
    warned = sum(finding.level == "warn" for finding in findings)
    remarks = f", with {counted(warned, 'warning')}" if warned else ""
    say(f"ready{remarks}", style="green", quiet=call.quiet)
