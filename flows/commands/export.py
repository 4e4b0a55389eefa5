"""`shoal export`: tell partners of confirmed campaigns by fingerprints."""

from __future__ import annotations

import getpass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from campaigns.errors import UsageError
from flows.commands.console import console, counted, print_json, safe, say
from flows.commands.context import Call, Json
from flows.commands.ids import resolve

if TYPE_CHECKING:
    from collections.abc import Sequence

    from campaigns.store import Store
    from enforcement.sharing.told import ToldCampaign

Format = Literal["stix", "misp"]
TlpName = Literal["clear", "green", "amber", "red"]


def export(
    ctx: typer.Context,
    campaigns: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[ID]...", help="Confirmed campaigns. Default: all of them.", show_default=False
        ),
    ] = None,
    form: Annotated[Format, typer.Option("--format", help="A STIX 2.1 bundle, or a MISP event.")] = "stix",
    out: Annotated[Path | None, typer.Option("--out", metavar="FILE", help="Default: stdout.")] = None,
    tlp: Annotated[TlpName, typer.Option("--tlp", help="How far it may be passed on.")] = "amber",
    producer: Annotated[
        str, typer.Option("--producer", metavar="NAME", help="Who tells. Default: `delivery.producer`.")
    ] = "",
    keyed: Annotated[
        bool,
        typer.Option("--keyed", help="Fingerprints that only holders of `delivery.sharing_key` can compare."),
    ] = False,
    templates: Annotated[
        bool,
        typer.Option(
            "--templates", help="With the text of templates, which may quote customers. Shown first."
        ),
    ] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask before text is told.")] = False,
    as_json: Json = False,
) -> None:
    """Write what partners may know of confirmed campaigns: fingerprints, objectives, days, sizes in bands.

    No account, no prompt and no title is in it; templates only if you say so. The same campaign is the same object
    every time. Partners read it with `shoal seed import`, or with any tool for STIX or MISP.

    [bold]Examples[/bold]
      shoal export --producer "Tide Lab" --out campaigns.stix.json
      shoal export c-4f2a --format misp --tlp green
      shoal export c-4f2a --templates
    """
    from campaigns import files
    from campaigns.entries import Tlp
    from enforcement.sharing.told import Terms, read_told

    call: Call = ctx.obj
    settings = call.settings.delivery
    who = (producer or settings.producer).strip()
    if not who:
        raise UsageError("nobody is named who tells", hint="Pass --producer NAME, or set delivery.producer.")
    key = settings.sharing_key.get_secret_value().encode() if keyed else b""
    if keyed and not key:
        raise UsageError("there is no key to share by", hint="Set SHOAL_DELIVERY__SHARING_KEY.")
    terms = Terms(producer=who, tlp=Tlp(tlp), key=key, templates=templates)
    with call.store() as store:
        names = _confirmed(store, [resolve(store, name) for name in campaigns or []])
        with store.reading() as session:
            told = read_told(session, call.settings.home, names, terms)
        if templates:
            _show(told)
            if not yes and not typer.confirm("Tell partners these texts?", err=True):
                raise UsageError(
                    "nothing was written", hint="Leave out --templates to tell fingerprints only."
                )
        if form == "stix":
            from enforcement.sharing.stix import stix_bundle

            text = stix_bundle(told, terms)
        else:
            from enforcement.sharing.misp import misp_event

            text = misp_event(told, terms)
        _note(store, names, form, tlp, templates=templates, keyed=keyed)
    if out is None:
        typer.echo(text, nl=False)
        return
    files.write_bytes(out, text.encode())
    if as_json:
        print_json({"file": str(out), "format": form, "tlp": tlp, "campaigns": names})
    else:
        say(f"{counted(len(names), 'campaign')} told, TLP:{tlp.upper()}, in {out}", quiet=call.quiet)


def _confirmed(store: Store, asked: Sequence[str]) -> list[str]:
    """
    Raises:
        UsageError: one of them is not confirmed, or none is.
    """
    confirmed = {name for name, one in store.standing().items() if one.verdict == "confirmed"}
    others = [name for name in asked if name not in confirmed]
    if others:
        raise UsageError(
            f"{others[0]} is not confirmed, and only confirmed campaigns leave",
            hint=f'shoal decide {others[0]} confirm --reason "..."',
        )
    found = sorted(asked or confirmed)
    if not found:
        raise UsageError("no campaign is confirmed", hint='shoal decide ID confirm --reason "..."')
    return found


def _show(told: Sequence[ToldCampaign]) -> None:
    """The texts that would be told, on the terminal before anything is written."""
    printer = console(stderr=True)
    for one in told:
        for wording in one.wordings:
            text = "".join(
                str(part["text"]) if "text" in part else "{" + part["slot"] + "}"
                for part in wording.template_parts()
            )
            printer.print(safe(f"{one.campaign_id}, wording {wording.variant + 1}", "bold"))
            printer.print(safe(text, multiline=True))


def _note(store: Store, names: Sequence[str], form: str, tlp: str, *, templates: bool, keyed: bool) -> None:
    from campaigns.audit import Action, append
    from campaigns.entries import utc_now

    details = {"format": form, "tlp": tlp, "with templates": templates, "keyed": keyed}
    with store.writing() as session:
        for name in names:
            append(
                session,
                actor=getpass.getuser(),
                action=Action.EXPORTED,
                subject=name,
                details=details,
                at=utc_now(),
            )
