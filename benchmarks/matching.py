"""Are known campaigns found fast enough for a gateway, whatever is sent, and in how much memory?

    python -m benchmarks.matching

Templates and prompts are made of the words of a simulated day. Every fifth campaign is reworded each time and has a
cover besides; of the words of covers the k-th is in one of k, since wordings share words as languages do. Speed is that
of one process, from file to finished folder and of the matching alone; hostile texts are compared with ordinary ones
byte by byte; the service answers from two processes, while the process that asks shares their cores.
"""

from __future__ import annotations

import argparse
import json
import os
import socket
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import date
from functools import partial
from pathlib import Path
from typing import Final

import httpx
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from starlette.applications import Starlette

from benchmarks.measure import ROOT, alternately, apart
from benchmarks.results import Figure, Result, show
from benchmarks.samples import prompts_of, traffic
from campaigns.covers import Cover
from campaigns.entries import KnownMatcher
from campaigns.records import MatcherState, Slot, Template
from campaigns.settings import Settings
from labeling.cover_words import cover_words
from labeling.sought import words_of
from labeling.template import template_to_json
from matching.known import KnownCampaigns
from matching.match import match
from matching.service import Limits, create_app
from matching.stream import match_traffic

KNOWN, MANY = 1_000, 10_000
CHARACTERS = 400
BATCH = 64
TARGET: Final = 5_000
"""Prompts a second that the service is meant to answer; its delay is measured at half of that."""
WORKERS = 2
COVERED: Final = 5
"""Every so many campaigns one has a cover."""
COVER_WORDS: Final = 40
_SLOT = Slot("text", 0, ())
_WORDS = 4_000
_TOKEN: Final = "of the benchmark"  # noqa: S105  -- it guards nothing
_WORDS_VARIABLE, _KNOWN_VARIABLE = "BENCH_WORDS", "BENCH_KNOWN"


def matching(
    prompts: int, folder: Path, *, known: int = KNOWN, many: int = MANY, seconds: float = 5.0
) -> Result:
    """
    Args:
        prompts: rows that are matched.
        known, many: campaigns for speed and for memory.
        seconds: how long the service is asked, at full speed and at half of `TARGET`.
    """
    words = _words(folder)
    entries = _entries(words, known)
    templates = [[part for part in _template(words, n).parts if isinstance(part, str)] for n in range(known)]
    campaigns = KnownCampaigns.of(entries)
    covers = [" ".join(_cover_text(words, n)) for n in range(0, known, COVERED)]
    texts = _prompts(words, templates, covers, prompts)
    sizes = sum(len(text.encode()) for text in texts)
    forms = {"Parquet": folder / "match.parquet", "JSON Lines": folder / "match.jsonl"}
    _write(texts, forms)
    settings = Settings()
    passes = [
        partial(match_traffic, str(path), entries, folder / "matched", settings, force=True)
        for path in forms.values()
    ]
    passes[0]()  # compiled before the clock runs
    array = pa.array(texts, pa.large_string())
    core, parquet, lines = alternately(partial(match, array, campaigns), *passes, repeat=3)
    rows: list[tuple[str, float, float]] = [("ordinary prompts", 1e9 * core / sizes, 1.0)]
    hostile = {
        name: pa.array(made, pa.large_string()) for name, made in _hostile(templates, covers, sizes).items()
    }
    ordinary, *costs = alternately(
        partial(match, array, campaigns), *(partial(match, made, campaigns) for made in hostile.values())
    )
    for (name, made), cost in zip(hostile.items(), costs, strict=True):
        per_byte = cost / sum(len(text.encode()) for text in made.to_pylist())
        rows.append((name, 1e9 * per_byte, per_byte * sizes / ordinary))
    [compiled] = alternately(partial(KnownCampaigns.of, _entries(words, many)), repeat=1)
    memory = apart(held, words=words, known=many)
    answered, delay = _asked(
        words, known, [texts[i : i + BATCH] for i in range(0, len(texts), BATCH)], seconds
    )
    return Result(
        f"Matching {known:,} campaigns, prompts of {CHARACTERS} characters",
        (
            Figure("matching alone", prompts / core, "prompts/s"),
            Figure("from Parquet to folder", prompts / parquet, "prompts/s"),
            Figure("from JSON Lines to folder", prompts / lines, "prompts/s"),
            Figure("whole pass over matching alone, Parquet", parquet / core, "x"),
            Figure("costliest hostile byte over ordinary", max(row[2] for row in rows[1:]), "x"),
            Figure(f"service, batches of {BATCH}, {WORKERS} processes", answered, "prompts/s"),
            Figure("99 of 100 answers at half load within", 1_000 * delay, "ms"),
            Figure(f"compiling {many:,} campaigns", compiled, "s"),
            Figure(f"memory with {many:,} campaigns", memory.peak_bytes / 2**20, "MiB"),
        ),
        ("text", "ns per byte", "over ordinary"),
        tuple(rows),
    )


def held(words: Sequence[str], known: int) -> int:
    """Compile, and match something; the process that does nothing else tells its memory."""
    campaigns = KnownCampaigns.of(_entries(words, known))
    return len(match([" ".join(words[:200])] * 10_000, campaigns))


def served() -> Starlette:
    """The service of one worker; what it knows comes through the environment."""
    words = json.loads(Path(os.environ[_WORDS_VARIABLE]).read_bytes())
    return create_app(
        _Made(words, int(os.environ[_KNOWN_VARIABLE])), _TOKEN, Limits(1 << 24, 1_024, 1 << 20, 60.0)
    )


class _Made:
    def __init__(self, words: Sequence[str], known: int) -> None:
        self._words, self._known = words, known

    def state(self) -> str:
        return "always the same"

    def load(self) -> KnownCampaigns:
        return KnownCampaigns.of(_entries(self._words, self._known))


# -- texts ---------------------------------------------------------------------------------------------


def _words(folder: Path) -> list[str]:
    """Distinct words of a simulated day, and so of several languages."""
    found = {word for text in prompts_of(traffic(3_000, folder)).to_pylist() for word in text.split()}
    known = sorted(word for word in found if word.isalpha())
    return known[:: len(known) // _WORDS + 1]


def _template(words: Sequence[str], number: int) -> Template:
    rng = np.random.default_rng([7, number])
    parts = [
        part
        for _ in range(rng.integers(2, 6))
        for part in (" ".join(rng.choice(words, rng.integers(3, 12))) + " ", _SLOT)
    ]
    return Template(tuple(parts), 0.5, 50.0, 1.0)


def _cover_text(words: Sequence[str], number: int) -> list[str]:
    """The words of a cover: the k-th of all in one of k."""
    rng = np.random.default_rng([13, number])
    chance = 1 / np.arange(1, len(words) + 1)
    return [str(word) for word in rng.choice(words, COVER_WORDS, replace=False, p=chance / chance.sum())]


def _cover(words: Sequence[str], number: int) -> Cover:
    """Half of what its words tell is asked for; rare ones tell more."""
    own = cover_words(words_of([" ".join(_cover_text(words, number))]))[1].tolist()
    weights = np.random.default_rng([17, number]).integers(1_500, 9_000, len(own)).tolist()
    return Cover(
        state=MatcherState.USABLE,
        reason="",
        words=tuple(own),
        weights=tuple(weights),
        least=sum(weights) // 2,
        typical=sum(weights),
        organic_matches=0,
        organic_prompts=20_000,
        collision_bound=0.0002,
    )


def _entries(words: Sequence[str], known: int) -> list[KnownMatcher]:
    return [
        KnownMatcher(
            campaign_id=f"c-{number:05d}",
            variant=0,
            day=date(2026, 1, 5),
            template_json=template_to_json(_template(words, number)),
            state=MatcherState.USABLE,
            reason="",
            anywhere=True,
            organic_matches=0,
            organic_prompts=20_000,
            collision_bound=0.0002,
            cover=_cover(words, number) if number % COVERED == 0 else None,
        )
        for number in range(known)
    ]


def _prompts(
    words: Sequence[str], templates: Sequence[Sequence[str]], covers: Sequence[str], n: int
) -> list[str]:
    """Every tenth belongs to a campaign, whole or cut; every twentieth is a reworded one."""
    rng = np.random.default_rng(11)
    drawn = rng.choice(words, (n, CHARACTERS // 3))
    made = []
    for number, own in enumerate(drawn):
        slots = " ".join(own)
        if number % 10 == 0:
            constants = templates[number // 10 % len(templates)]
            slots = "".join(f"{constant}{slots[:40]} " for constant in constants)
        elif number % 20 == 5:
            slots = f"{covers[number // 20 % len(covers)]} {slots}"
        made.append(slots[:CHARACTERS])
    return made


def _hostile(templates: Sequence[Sequence[str]], covers: Sequence[str], size: int) -> dict[str, list[str]]:
    """Texts that cost as much as somebody may think of, `size` bytes of each."""
    constants = "".join(constant for own in templates for constant in own)
    starts = "".join(" ".join(own[0].split()[:3]) + " " for own in templates)
    whole = "".join(f"{constant}x " for own in templates for constant in own)
    shared = Counter(word for cover in covers for word in cover.split()).most_common(60)
    short = Counter(word for cover in covers for word in cover.split() if len(word) < 4).most_common(96)
    units = {
        "punctuation": "." * CHARACTERS,
        "words of one letter": "a b " * (CHARACTERS // 4),
        "digits": "1 " * (CHARACTERS // 2),
        "a letter that folds to 18": "\ufdfa" * (CHARACTERS // 3),
        "ideographs": "\u5b57" * (CHARACTERS // 3),
        "invisible between letters": "a\u200b" * (CHARACTERS // 4),
        "one literal again and again": (templates[0][0] * CHARACTERS)[:CHARACTERS],
        "starts of all templates": starts,
        "all constants of all templates": constants,
        "all templates in one prompt": whole,
        "words that most covers share": " ".join(word for word, _ in shared)[:CHARACTERS],
        "short words of covers": " ".join(word for word, _ in short)[:CHARACTERS],
        "covers": " ".join(covers),
    }
    made = {}
    for name, unit in units.items():
        if len(unit) > 10 * CHARACTERS and name != "all templates in one prompt":
            cut = [unit[i : i + CHARACTERS] for i in range(0, len(unit), CHARACTERS)]
        else:
            cut = [unit]
        made[name] = (cut * (size // sum(len(text.encode()) for text in cut) + 1))[: 1 + size // CHARACTERS]
    return made


def _write(texts: Sequence[str], forms: dict[str, Path]) -> None:
    rows = [
        {
            "prompt_id": f"p{i:08d}",
            "account_id": f"account-{i % 2_000}",
            "created_at": "2026-01-05T12:00:00Z",
            "prompt": text,
        }
        for i, text in enumerate(texts)
    ]
    pq.write_table(pa.Table.from_pylist(rows), forms["Parquet"], compression="zstd")
    lines = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
    forms["JSON Lines"].write_text(lines, encoding="utf-8")


# -- the service ---------------------------------------------------------------------------------------


def _asked(
    words: Sequence[str], known: int, batches: Sequence[Sequence[str]], seconds: float
) -> tuple[float, float]:
    """(prompts a second as fast as they are answered, seconds within which 99 % are at half of `TARGET`)."""
    bodies = [
        json.dumps({"prompts": [{"id": str(i), "text": text} for i, text in enumerate(batch)]}).encode()
        for batch in batches
        if len(batch) == BATCH
    ]
    with _service(words, known) as url, ThreadPoolExecutor(4) as pool:
        clients = [httpx.Client(base_url=url, timeout=30.0) for _ in range(4)]

        def ask(number: int, until: float, gap: float) -> list[float]:
            """Delays of one client's requests; with a gap it keeps to a clock, and waiting for its turn counts."""
            delays: list[float] = []
            due = time.perf_counter() + gap * number / len(clients)
            while time.perf_counter() < until:
                if gap:
                    time.sleep(max(0.0, due - time.perf_counter()))
                began = due if gap else time.perf_counter()
                body = bodies[(number + len(delays)) % len(bodies)]
                clients[number].post("/v1/match", content=body, headers=_HEADERS).raise_for_status()
                delays.append(time.perf_counter() - began)
                due += gap
            return delays

        def together(gap: float, length: float) -> list[float]:
            until = time.perf_counter() + length
            return [d for found in pool.map(lambda n: ask(n, until, gap), range(len(clients))) for d in found]

        together(0.0, min(1.0, seconds))  # both workers warm
        answered = len(together(0.0, seconds)) * BATCH / seconds
        delays = together(len(clients) * BATCH / (TARGET / 2), seconds)
        for client in clients:
            client.close()
    return answered, float(np.quantile(delays, 0.99))


_HEADERS: Final = {"Authorization": f"Bearer {_TOKEN}", "Content-Type": "application/json"}


@contextmanager
def _service(words: Sequence[str], known: int) -> Iterator[str]:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with tempfile.TemporaryDirectory(prefix="shoal-bench-") as folder:
        path = Path(folder) / "words.json"
        path.write_text(json.dumps(words), encoding="utf-8")
        call = [sys.executable, "-m", "uvicorn", "benchmarks.matching:served"]
        call += ["--factory", "--port", str(port), "--workers", str(WORKERS), "--log-level", "warning"]
        environment = {**os.environ, _WORDS_VARIABLE: str(path), _KNOWN_VARIABLE: str(known)}
        process = subprocess.Popen([*call, "--no-access-log"], cwd=ROOT, env=environment)
        try:
            url = f"http://127.0.0.1:{port}"
            _wait(url)
            yield url
        finally:
            process.terminate()
            process.wait()


def _wait(url: str) -> None:
    """Until the service answers.

    Raises:
        RuntimeError: it does not.
    """
    until = time.monotonic() + 120
    while time.monotonic() < until:
        try:
            httpx.get(f"{url}/v1/health").raise_for_status()
        except httpx.TransportError:
            time.sleep(0.2)
        else:
            return
    raise RuntimeError("the service did not start")


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.matching", description=__doc__)
    parser.add_argument("--prompts", type=int, default=40_000, metavar="N", help="prompts that are matched")
    return parser.parse_args()


if __name__ == "__main__":
    with tempfile.TemporaryDirectory(prefix="shoal-bench-") as made:
        from benchmarks.matching import (
            matching as measured,
        )  # this module by its name, which other processes need

    show({"matching": measured(_arguments().prompts, Path(made))})
