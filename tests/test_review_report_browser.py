"""The prevalence page in a real browser, cut off from every network: nothing is refused, nothing sticks out."""

from __future__ import annotations

import re
import subprocess
from datetime import timedelta
from pathlib import Path

import pytest
from report_examples import publish_week
from run_examples import HOSTILE
from store_examples import MONDAY
from test_review_map_browser import CHROMIUM, FLAGS

from review.report import read_report
from review.report_page import page

pytestmark = [pytest.mark.slow, pytest.mark.browser]
MEASURE = """<script>
const end = document.documentElement.clientWidth;
const all = selector => [...document.querySelectorAll(selector)];
const out = all("main *").filter(e => !e.closest("thead") && e.getBoundingClientRect().right > end + 1);
const bars = all(".bar rect:last-of-type").filter(e => getComputedStyle(e).fill != "rgb(0, 0, 0)");
document.title = `${document.documentElement.scrollWidth - end} ${out.length} ${bars.length}`;
</script>"""


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> str:
    home = tmp_path_factory.mktemp("home")
    runs = publish_week(home, title=HOSTILE + "W" * 10_000, rate=0.1)
    return page(read_report(MONDAY, MONDAY + timedelta(days=6), runs, {}))


def opened(text: str, folder: Path, width: int) -> subprocess.CompletedProcess[str]:
    path = folder / "report.html"
    path.write_text(text, encoding="utf-8")
    flags = (*FLAGS, f"--user-data-dir={folder / 'profile'}", f"--window-size={width},900")
    return subprocess.run(
        [CHROMIUM, *flags, "--dump-dom", path.as_uri()],
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )


def test_the_page_draws_without_a_complaint(made: str, tmp_path: Path) -> None:
    done = opened(made, tmp_path, 1280)
    assert "CONSOLE" not in done.stderr
    assert "Prevalence of campaigns" in done.stdout


@pytest.mark.parametrize("width", [500, 740, 1280])
def test_nothing_sticks_out_whatever_a_title_says(made: str, tmp_path: Path, width: int) -> None:
    """Measured by a script, so in a copy without the policy that forbids it."""
    without = re.sub(r"<meta http-equiv[^>]*>", "", made).replace("</body>", f"{MEASURE}</body>")
    done = opened(without, tmp_path, width)
    wider, out, coloured = map(int, done.stdout.partition("<title>")[2].partition("<")[0].split())
    assert (wider, out) == (0, 0)
    assert coloured == made.count('class="bar')
