"""Files and standard output as receivers: whole, once, in order, checked by sums, harmless to spreadsheets."""

from __future__ import annotations

import csv
import hashlib
import io
import json
import os
import random
from pathlib import Path
from typing import Any

import pytest
from moved_clock import MovedClock
from run_examples import HOSTILE
from store_examples import NOON

from campaigns.errors import UsageError
from campaigns.settings import DeliverySettings
from enforcement.outbox import encoded
from enforcement.sinks import Outcome, Outgoing, Sink
from enforcement.sinks.files import Csv, FileSink, Form, JsonLines
from enforcement.sinks.made import names_of, sinks_of
from enforcement.sinks.stdout import StdoutSink

FORMS: list[Form] = [JsonLines(), Csv()]


def an_outgoing(number: int, accounts: tuple[str, ...] = ("acct-1", "acct-2"), **changed: Any) -> Outgoing:
    body = {
        "message_id": f"c{number}.1",
        "campaign_id": f"c{number}",
        "version": 1,
        "effect": "confirmed" if accounts else "withdrawn",
        "decided_at": "2026-01-09T12:00:00Z",
        "day": "2026-01-05",
        "found": {"objective": "grading and reward data"} if accounts else None,
        "accounts": [
            {"account_id": one, "strength": 0.9, "reasons": ["shares a card", "made together"]}
            for one in accounts
        ],
        **changed,
    }
    return Outgoing(
        message_id=f"c{number}.1",
        campaign_id=f"c{number}",
        version=1,
        attempt=1,
        created_at=NOON,
        body=encoded(body),
    )


def a_sink(folder: Path, form: Form | None = None, most: int = 100) -> FileSink:
    return FileSink("jsonl", form or JsonLines(), folder, most, clock=MovedClock())


def sent(folder: Path, form: Form) -> list[str]:
    """Ids in the files, in their order; those of a message with several rows once."""
    found = []
    for path in sorted(folder.glob(f"*{form.suffix}")):
        text = path.read_text(encoding="utf-8")
        if isinstance(form, Csv):
            found += [row["message_id"] for row in csv.DictReader(io.StringIO(text)) if row["row"] == "1"]
        else:
            found += [json.loads(line)["message_id"] for line in text.splitlines()]
    return found


# -- what is in a file ---------------------------------------------------------------------------------


def test_a_line_of_jsonl_is_the_body_byte_for_byte(tmp_path: Path) -> None:
    batch = [an_outgoing(1, (f"acct-1{HOSTILE}\n\u2028\x00",)), an_outgoing(2, ())]
    results = a_sink(tmp_path).send(batch)
    assert [result.outcome for result in results] == [Outcome.DELIVERED] * 2
    (path,) = tmp_path.glob("*.jsonl")
    assert path.name == "000001-20260109T120000Z.jsonl"
    assert path.read_bytes() == b"".join(one.body + b"\n" for one in batch)
    assert len(path.read_text().splitlines()) == 2


def test_a_row_of_csv_is_an_account_and_nothing_in_it_is_computed_or_unseen(tmp_path: Path) -> None:
    formulas = ("=1+1", "+1+1", "-1-1", "@SUM(A1)", "\t=1", "\r=1", "plain", f"acct{HOSTILE}\n2\x00")
    a_sink(tmp_path, Csv()).send([an_outgoing(1, formulas), an_outgoing(2, ())])
    (path,) = tmp_path.glob("*.csv")
    text = path.read_bytes().decode()
    rows = list(csv.DictReader(io.StringIO(text)))
    assert [row["account_id"] for row in rows[:7]] == [
        "'=1+1",
        "'+1+1",
        "'-1-1",
        "'@SUM(A1)",
        r"\t=1",
        r"\r=1",
        "plain",
    ]
    assert not any(cell[:1] in "=+-@\t\r" for row in rows for cell in row.values() if cell)
    assert all(character.isprintable() for line in text.split("\n") for character in line)
    assert text.count("\n") == len(rows) + 1
    assert rows[6] == {
        "message_id": "c1.1",
        "row": "7",
        "rows": "8",
        "version": "1",
        "effect": "confirmed",
        "campaign_id": "c1",
        "decided_at": "2026-01-09T12:00:00Z",
        "day": "2026-01-05",
        "objective": "grading and reward data",
        "account_id": "plain",
        "strength": "0.9",
        "reasons": "shares a card; made together",
    }
    withdrawn = rows[8]
    assert (withdrawn["effect"], withdrawn["account_id"], withdrawn["rows"]) == ("withdrawn", "", "1")


# -- rotation ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("form", FORMS, ids=["jsonl", "csv"])
def test_a_full_file_is_closed_with_its_sum_beside_it_and_another_begun(tmp_path: Path, form: Form) -> None:
    sink = a_sink(tmp_path, form, most=3)
    for number in range(0, 10, 2):
        sink.send([an_outgoing(number), an_outgoing(number + 1)])
    sink.close()
    files = sorted(tmp_path.glob(f"*{form.suffix}"))
    assert [path.name[:6] for path in files] == ["000001", "000002", "000003"]
    assert sent(tmp_path, form) == [f"c{number}.1" for number in range(10)]
    *closed, last = files
    for path in closed:
        told = path.with_name(f"{path.name}.sha256").read_text()
        assert told == f"{hashlib.sha256(path.read_bytes()).hexdigest()}  {path.name}\n"
    assert not last.with_name(f"{last.name}.sha256").exists()
    if isinstance(form, Csv):
        assert all(path.read_bytes().startswith(Csv.head) for path in files)


def test_a_file_that_was_full_when_its_sender_died_is_closed_by_the_next(tmp_path: Path) -> None:
    a_sink(tmp_path, most=1).send([an_outgoing(1)])
    a_sink(tmp_path, most=1).send([an_outgoing(2)])
    names = sorted(path.name for path in tmp_path.glob("0*"))
    assert names == [
        "000001-20260109T120000Z.jsonl",
        "000001-20260109T120000Z.jsonl.sha256",
        "000002-20260109T120000Z.jsonl",
    ]


# -- kills ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("form", FORMS, ids=["jsonl", "csv"])
def test_cut_anywhere_a_file_goes_on_whole_and_holds_each_message_once(tmp_path: Path, form: Form) -> None:
    """Sent again after a kill, as the outbox does: whatever was not noted."""
    before, batch = (
        an_outgoing(0),
        [an_outgoing(number, (f"acct-{number}", "=b,\"'")) for number in (1, 2, 3)],
    )
    whole = form.head + b"".join(form.lines(one) for one in (before, *batch))
    draw = random.Random(3)  # noqa: S311 no secret
    noted = len(form.head + form.lines(before))
    for cut in {0, noted, len(whole), *(draw.randrange(noted, len(whole)) for _ in range(60))}:
        folder = tmp_path / str(cut)
        folder.mkdir()
        path = folder / f"000001-20260109T120000Z{form.suffix}"
        path.write_bytes(whole[:cut])
        again = batch if cut else [before, *batch]
        assert {result.outcome for result in a_sink(folder, form).send(again)} == {Outcome.DELIVERED}
        assert path.read_bytes() == whole, cut


def test_two_senders_add_to_one_file_and_repeat_nothing(tmp_path: Path) -> None:
    one, two = a_sink(tmp_path), a_sink(tmp_path)
    for number in range(6):
        (one if number % 2 else two).send([an_outgoing(number)])
        one.send([an_outgoing(number)])
    assert sent(tmp_path, JsonLines()) == [f"c{number}.1" for number in range(6)]


def test_nothing_is_delivered_before_the_disk_has_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    synced: list[int] = []
    fsync = os.fsync

    def note(descriptor: int) -> None:
        synced.append(os.fstat(descriptor).st_ino)
        fsync(descriptor)

    monkeypatch.setattr(os, "fsync", note)
    sink = a_sink(tmp_path)
    for outgoing in (an_outgoing(1), an_outgoing(1)):  # also if another process wrote it and died
        synced.clear()
        sink.send([outgoing])
        (path,) = tmp_path.glob("*.jsonl")
        assert path.stat().st_ino in synced


# -- trouble -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("form", FORMS, ids=["jsonl", "csv"])
@pytest.mark.parametrize("damage", [b"\xff\xfe\n", b'{"no": "id"}\n', b"a,b\n", b'"\n'])
def test_a_file_that_holds_what_nobody_sent_is_told_and_left_alone(
    tmp_path: Path, form: Form, damage: bytes
) -> None:
    a_sink(tmp_path, form).send([an_outgoing(1)])
    (path,) = tmp_path.glob(f"*{form.suffix}")
    path.write_bytes(path.read_bytes() + damage)
    before = path.read_bytes()
    (result,) = a_sink(tmp_path, form).send([an_outgoing(2)])
    assert result.outcome == Outcome.FAILED
    assert "is damaged" in result.error
    assert path.read_bytes() == before


def test_a_folder_that_cannot_be_written_is_told_in_words(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    (result,) = a_sink(tmp_path / "file" / "folder").send([an_outgoing(1)])
    assert (result.outcome, result.error) == (Outcome.FAILED, "the file cannot be written: Not a directory")


def test_a_full_disk_stops_the_drain(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space left"):
        a_sink(tmp_path).send([an_outgoing(1)])


# -- standard output, settings -------------------------------------------------------------------------


def test_standard_output_gets_a_body_a_line() -> None:
    stream = io.BytesIO()
    batch = [an_outgoing(1), an_outgoing(2, ())]
    assert {result.outcome for result in StdoutSink(stream).send(batch)} == {Outcome.DELIVERED}
    assert stream.getvalue() == b"".join(one.body + b"\n" for one in batch)


def test_settings_name_sinks_in_their_order(tmp_path: Path) -> None:
    settings = DeliverySettings(sinks=" csv, jsonl,csv ,")
    assert names_of(settings) == ["csv", "jsonl"]
    sinks: list[Sink] = sinks_of(names_of(settings), settings, tmp_path)
    assert [sink.name for sink in sinks] == ["csv", "jsonl"]
    for sink in sinks:
        sink.send([an_outgoing(1)])
    assert len(list((tmp_path / "handoff").glob("000001-*"))) == 2
    elsewhere = settings.model_copy(update={"folder": str(tmp_path / "elsewhere")})
    sinks_of(["jsonl"], elsewhere, tmp_path)[0].send([an_outgoing(1)])
    assert len(list((tmp_path / "elsewhere").glob("*.jsonl"))) == 1
    assert names_of(DeliverySettings()) == []


def test_a_sink_that_is_not_there_or_not_set_up_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no sink is called 'kafka'") as unknown:
        names_of(DeliverySettings(sinks="jsonl,kafka"))
    assert "webhook, jsonl, csv, stdout" in unknown.value.hint
    with pytest.raises(UsageError):
        sinks_of(["webhook"], DeliverySettings(), tmp_path)
