"""`shoal show`: the evidence on a terminal and as a picture, wordings, operators, bridges."""

from __future__ import annotations

import io
import json
import re
from collections.abc import Iterator
from datetime import date
from pathlib import Path

import pytest
from console import keep_apart, shoal
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len
from rich.console import Console
from run_examples import GRADES, HOSTILE, LEDGER, publish_example

from campaigns.display import safe_text
from campaigns.records import Tier
from flows.commands.evidence import plot, whole
from review.evidence import Sheet, Signal, Standing, Weight

EVENLY = [step / 20 for step in range(21)]
SHOWN = safe_text(HOSTILE)


@pytest.fixture(autouse=True)
def _published(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    keep_apart(tmp_path, monkeypatch, columns=400)


@pytest.fixture
def _monday(tmp_path: Path) -> None:
    home = tmp_path / "var"
    home.mkdir()
    publish_example(home)


def between(text: str, first: str, second: str) -> str:
    """What stands below one heading and above another."""
    return text.partition(f"\n{first}")[2].partition(f"\n{second}")[0]


# -- plots ---------------------------------------------------------------------------------------------


def test_a_plot_shows_controls_and_where_the_campaign_lies() -> None:
    assert plot(EVENLY, 2.0, 10) == "█████┈┈┈┈◆"
    assert plot(EVENLY, -1.0, 10) == "◆┈┈┈┈█████"
    assert plot(EVENLY, 0.5, 5) == "██◆██"
    assert plot(EVENLY, 2.0, 10, ascii_only=True) == "#####____O"


def test_heights_go_with_the_controls_of_a_column() -> None:
    """Half of the controls in the first column, the others spread over the other four."""
    controls = [step / 10 for step in range(11)] + [1 + step * 0.4 for step in range(1, 11)]
    assert plot(controls, 5.0, 5) == "█▂▂▂◆"


def test_controls_that_are_all_the_same_have_one_place() -> None:
    assert plot([0.0] * 21, 0.0, 9) == "┈┈┈┈◆┈┈┈┈"
    assert plot([0.0] * 21, 1.0, 6) == "█┈┈┈┈◆"


@given(
    controls=st.lists(st.floats(-1e6, 1e6), min_size=21, max_size=21).map(sorted),
    value=st.floats(-1e6, 1e6),
    width=st.integers(1, 60),
    ascii_only=st.booleans(),
)
def test_a_plot_is_one_line_of_its_width_with_one_mark(
    controls: list[float], value: float, width: int, ascii_only: bool
) -> None:
    line = plot(controls, value, width, ascii_only=ascii_only)
    assert len(line) == width
    assert line.count("O" if ascii_only else "◆") == 1
    assert set(line) <= set(" .:-=+*%#O_" if ascii_only else " ▁▂▃▄▅▆▇█◆┈")
    assert cell_len(line) == width


def test_a_narrow_terminal_breaks_no_plot() -> None:
    stream = io.StringIO()
    printer = Console(file=stream, width=24, markup=False, highlight=False)
    for block in whole(_sheet(), 24, ascii_only=False):
        printer.print(block)
    lines = stream.getvalue().splitlines()
    assert max(map(cell_len, lines)) <= 24
    (line,) = [line for line in lines if line.startswith("    ") and "◆" in line]
    assert cell_len(line.strip()) == 20


def _sheet(tier: Tier = Tier.REVIEW) -> Sheet:
    signal = Signal(
        "made together", "registration", 2.0, tuple(EVENLY), 0.0002, "So they were.", Standing.SPEAKS
    )
    return Sheet(
        campaign_id=GRADES,
        title="Grade this essay",
        tier=tier,
        day=date(2026, 1, 5),
        n_prompts=3,
        n_accounts=2,
        signals=(signal,),
        weights=(Weight("registration", 1, 0.0002, True), Weight("timing", 0, None, False)),
        together=0.0002,
        q_value=0.0004,
        n_campaigns=2,
        reasons=("Not actionable: too few groups speak.", "Not tested: synchrony."),
        needed=2,
        speaks_at=0.01,
        q_at=0.01,
    )


@pytest.mark.parametrize(
    ("tier", "said"),
    [
        (Tier.ACTIONABLE, "Why it is actionable\n- 1 independent group of facts"),
        (Tier.REVIEW, "What is missing for actionable\n- Too few groups speak."),
        (Tier.BENIGN, "Why it is benign\n- Not actionable: too few groups speak."),
    ],
)
def test_the_last_word_is_about_the_tier(tier: Tier, said: str) -> None:
    printer = Console(file=io.StringIO(), width=120)
    for block in whole(_sheet(tier), 120, ascii_only=False):
        printer.print(block)
    text = printer.file.getvalue()  # type: ignore[attr-defined]
    assert said in text
    assert "Corrected for 2 campaigns of the day: 1 in 2,500; it takes 1 in 100." in text
    assert re.search(r"timing +0 +not tested", text)


# -- the command ---------------------------------------------------------------------------------------


@pytest.mark.usefixtures("_monday")
def test_what_speaks_stands_apart_from_what_does_not_and_what_was_not_tested() -> None:
    text = shoal("show", GRADES, "--evidence").stdout
    speaks = between(text, "What speaks", "What does not speak")
    silent = between(text, "What does not speak", "What the texts are like")
    texts = between(text, "What the texts are like", "What was not tested")
    untested = between(text, "What was not tested", "What counts together")
    assert "made together  1 in 5,000  value 0.8, ordinary 0.1" in speaks
    assert "shared clock  40 in 100" in silent
    assert "slot uniqueness" in texts
    assert f"- synchrony: {SHOWN}" in untested
    assert f"Made together: {SHOWN}." in speaks
    assert f"What is missing for actionable\n- {safe_text(HOSTILE)}." in text
    assert len(re.findall(r"^ {4}.*◆", text, re.MULTILINE)) == 2
    assert "Accounts" not in text


@pytest.mark.usefixtures("_monday")
def test_without_the_option_only_what_speaks_is_shown() -> None:
    result = shoal("show", GRADES)
    evidence = between(result.stdout, "Evidence", "Operators")
    assert "1 in 5,000" in evidence
    assert "shared clock" not in evidence
    assert f"shoal show {GRADES} --evidence" in result.stderr
    assert "nothing about its accounts speaks" in shoal("show", LEDGER).stdout


@pytest.mark.usefixtures("_monday")
def test_wordings_operators_and_bridges_are_shown() -> None:
    text = shoal("show", GRADES).stdout
    wordings = between(text, "Wordings, 2", "Examples")
    assert re.search(r"^ +2 +1 +1 +wording 1 .* joined ", wordings, re.MULTILINE)
    operators = between(text, "Operators", "Bridges")
    assert re.search(r"o-aaaa1111 +this one +0\.75 .*" + re.escape(SHOWN), operators)
    assert re.search(rf"o-aaaa1111 +{LEDGER} +0\.25 +Balance the ledger", operators)
    bridges = between(text, "Bridges", "History")
    assert re.search(rf"{LEDGER} +1 +0\.5 +Balance the ledger +" + re.escape(SHOWN), bridges)
    assert re.search(rf"{GRADES} +1 +0\.5 ", between(shoal("show", LEDGER).stdout, "Bridges", "History"))
    assert "Wordings" not in shoal("show", LEDGER).stdout


@pytest.mark.usefixtures("_monday")
def test_json_has_everything() -> None:
    shown = json.loads(shoal("show", GRADES, "--json").stdout)
    assert [row["variant"] for row in shown["variants"]] == [0, 1]
    assert [row["campaign_id"] for row in shown["operators"]] == [GRADES, LEDGER]
    assert [(row["other_id"], row["account_ids"]) for row in shown["bridges"]] == [(LEDGER, [HOSTILE])]
    assert [len(row["controls"]) for row in shown["evidence"]] == [21, 21, 0, 0]
    assert shown["groups"][0] == {"group": "registration", "p_value": pytest.approx(0.0002), "speaks": True}
    assert shown["missing_for_actionable"] == [f"{HOSTILE}."]
    assert shown["q_value"] == pytest.approx(2 * shown["p_together"])


@pytest.mark.usefixtures("_monday")
def test_a_stream_that_writes_ascii_alone_gets_ascii() -> None:
    for arguments in (["show", GRADES, "--evidence"], ["show", GRADES]):
        result = shoal(*arguments, charset="ascii")
        assert result.exit_code == 0, result.stderr
        assert result.stdout.isascii()
    assert re.search(
        r"^ {4}[ .:\-=+*%#]+_+O$", shoal("show", GRADES, "--evidence", charset="ascii").stdout, re.M
    )


def pictures(folder: Path) -> Iterator[str]:
    return (path.name for path in folder.iterdir() if path.is_file())


@pytest.mark.usefixtures("_monday")
def test_a_picture_is_written_where_it_was_asked_for(tmp_path: Path) -> None:
    for name, begins in (("a.png", b"\x89PNG"), ("b.SVG", b"<?xml")):
        result = shoal("show", GRADES, "--picture", name)
        assert (result.exit_code, result.stdout) == (0, f"{name}\n")
        assert (tmp_path / name).read_bytes().startswith(begins)
    result = shoal("show", GRADES, "--picture", "c.png", "--json")
    assert json.loads(result.stdout)["campaign_id"] == GRADES
    assert sorted(pictures(tmp_path)) == ["a.png", "b.SVG", "c.png"]


@pytest.mark.usefixtures("_monday")
def test_a_picture_of_another_kind_is_refused(tmp_path: Path) -> None:
    result = shoal("show", GRADES, "--picture", "evidence.jpeg")
    assert result.exit_code == 2
    assert ".png or .svg" in result.stderr
    assert not list(pictures(tmp_path))
