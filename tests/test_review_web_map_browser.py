"""The map in a real browser under the policy of the analyst's page: what it draws, selects, and leaves as text."""

from __future__ import annotations

import io
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from types import SimpleNamespace
from typing import Any, Final, cast

import numpy as np
import pytest
from axe_playwright_python.sync_playwright import Axe  # type: ignore[import-untyped]
from browser import chromium  # noqa: F401
from matplotlib.path import Path as Polygon
from numpy.typing import NDArray
from PIL import Image
from playwright.sync_api import Browser, Page, expect
from run_examples import HOSTILE

from benchmarks.map_server import DAY, mark, pages, picture, served
from campaigns.display import safe_text
from campaigns.records import Tier
from review.map import DARK, LIGHT, Picture, style_of
from review.web.map_points import campaigns, points

pytestmark = [pytest.mark.slow, pytest.mark.browser]

N_CAMPAIGNS: Final = 30
RADIUS: Final = 0.035
ATTACK: Final = "<img src=x onerror=document.title='ran'>"
VERDICTS: Final = ("confirmed", "watch", "dismissed", None)
AGES: Final = (0, 3, 12, 90)
PAGE_COLOUR: Final = {"light": (255, 255, 255), "dark": (16, 19, 23)}


def grid(titles: dict[int, str] | None = None) -> Picture:
    """Campaigns in rows of six, each alone, amid 2,000 open points."""
    shown = picture(2_000 + N_CAMPAIGNS, N_CAMPAIGNS)
    place = np.arange(N_CAMPAIGNS)
    x, y, radius = shown.x.copy(), shown.y.copy(), shown.radius.copy()
    x[:N_CAMPAIGNS], y[:N_CAMPAIGNS] = 0.1 + 0.16 * (place % 6), 0.1 + 0.2 * (place // 6)
    radius[:N_CAMPAIGNS] = RADIUS
    marks = tuple(
        mark(n, int(shown.n_prompts[n]), (titles or {}).get(n, f"Campaign {n}")) for n in range(N_CAMPAIGNS)
    )
    return replace(shown, x=x, y=y, radius=radius, marks=marks)


def told(shown: Picture) -> dict[str, Any]:
    """Ages and decisions go round."""
    known = {
        one.campaign_id: SimpleNamespace(first_day=DAY - timedelta(days=AGES[n % 4]), last_day=DAY)
        for n, one in enumerate(shown.marks)
    }
    standing = {
        one.campaign_id: SimpleNamespace(verdict=VERDICTS[n % 4])
        for n, one in enumerate(shown.marks)
        if VERDICTS[n % 4]
    }
    return campaigns(shown, cast("Any", known), cast("Any", standing))


GRID: Final = grid({0: HOSTILE, 1: ATTACK})


@pytest.fixture(scope="module")
def browser(chromium: Browser) -> Browser:  # noqa: F811
    return chromium


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    with served(pages(GRID, told(GRID))) as url:
        yield f"{url}/map/{DAY}"


@contextmanager
def opened(browser: Browser, address: str, script: str = "", **options: Any) -> Iterator[Page]:
    """The page once it has drawn; afterwards the browser must have had nothing to complain of."""
    complaints: list[str] = []
    with browser.new_context(**{"viewport": {"width": 1200, "height": 800}, **options}) as context:
        page = context.new_page()
        page.on("console", lambda said: complaints.append(said.text) if said.type == "error" else None)
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("dialog", lambda dialog: complaints.append(dialog.message))
        page.add_init_script(
            "window.reports = [];"
            "addEventListener('securitypolicyviolation', (event) => reports.push(event.violatedDirective));"
            + script
        )
        page.goto(address)
        page.wait_for_selector("#map-page[aria-busy=false]")
        yield page
        assert page.evaluate("reports") == []
    assert complaints == []


@pytest.fixture
def page(browser: Browser, address: str) -> Iterator[Page]:
    with opened(browser, address) as found:
        yield found


# -- where things are ----------------------------------------------------------------------------------


def screen(page: Page, scale: float = 1.0) -> NDArray[np.float64]:
    """Where each point is on the canvas when all is shown and then zoomed at the centre: float64 (n, 2), CSS pixels."""
    box = page.locator("#map-points").bounding_box()
    assert box is not None
    middle = np.array([box["width"], box["height"]]) / 2
    unit = min(box["width"], box["height"]) - 2 * 46
    places = np.stack([GRID.x, 1 - GRID.y], axis=1) - 0.5
    return middle + places * unit * scale


def pixels(page: Page) -> NDArray[np.int64]:
    """The map as it is seen, int (height, width, 3), once it has come to rest."""
    page.evaluate("() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")
    image = Image.open(io.BytesIO(page.locator("#map-points").screenshot())).convert("RGB")
    return np.asarray(image, dtype=np.int64)


def seen(page: Page, spots: NDArray[np.float64]) -> NDArray[np.int64]:
    columns, rows = np.floor(spots).astype(int).T
    found: NDArray[np.int64] = pixels(page)[rows, columns]
    return found


def on_page(colour: str, scheme: str = "light") -> NDArray[np.float64]:
    """A colour as it looks on the page: marks let a little of it through."""
    rgb = np.array([int(colour[i : i + 2], 16) for i in (1, 3, 5)])
    return 0.88 * rgb + 0.12 * np.array(PAGE_COLOUR[scheme])


def alike(found: NDArray[np.int64], wanted: Any) -> NDArray[np.bool_]:
    """Whether colours are the same but for an open point that lies behind: bool (n,)."""
    same: NDArray[np.bool_] = np.abs(found - np.array(wanted)).max(axis=-1) <= 10
    return same


def centres(page: Page, scale: float = 1.0) -> NDArray[np.float64]:
    return screen(page, scale)[:N_CAMPAIGNS]


def drag(page: Page, path: NDArray[np.float64]) -> None:
    path = path + corner_of(page)
    page.mouse.move(*path[0])
    page.mouse.down()
    for corner in path[1:]:
        page.mouse.move(*corner, steps=4)
    page.mouse.up()


def corner_of(page: Page) -> NDArray[np.float64]:
    box = page.locator("#map-points").bounding_box()
    assert box is not None
    return np.array([box["x"], box["y"]])


def listed(page: Page) -> list[str]:
    """Ids of the campaigns of the list."""
    links = page.locator("#map-list a")
    return [
        (link.get_attribute("href") or "").removeprefix("/campaigns/") for link in links.element_handles()
    ]


def ids(places: Any) -> list[str]:
    return [GRID.marks[place].campaign_id for place in places]


def summary_of(chosen: list[int], open_points: NDArray[np.bool_]) -> str:
    prompts = sum(GRID.marks[place].n_prompts for place in chosen)
    n_open, open_prompts = int(open_points.sum()), int(GRID.n_prompts[open_points].sum())
    return (
        f"{many(len(chosen), 'campaign')} selected with {many(prompts, 'prompt')}; "
        f"{many(n_open, 'open point')} with {many(open_prompts, 'prompt')}."
    )


def many(count: int, one: str) -> str:
    return f"{count:,} {one}{'' if count == 1 else 's'}"


# -- drawing -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_every_campaign_is_drawn_in_its_colour_where_it_lies(
    browser: Browser, address: str, scheme: str
) -> None:
    palette = LIGHT if scheme == "light" else DARK
    wanted = np.array([on_page(style_of(place, palette)[0], scheme) for place in range(N_CAMPAIGNS)])
    with opened(browser, address, color_scheme=scheme) as page:
        assert alike(seen(page, centres(page)), wanted).all()


def test_shapes_have_their_corners_where_the_list_draws_them(page: Page) -> None:
    page.locator("#map-colour").select_option("decision")
    radius = RADIUS * (screen(page)[1, 0] - screen(page)[0, 0]) / 0.16
    corner = {"circle": (0.75, 0.0), "square": (0.75, 0.75), "triangle": (0.0, -1.0), "diamond": (0.0, 0.95)}
    shape = ("circle", "square", "triangle", "diamond")
    colour = (LIGHT[1], LIGHT[4], LIGHT[2], LIGHT[0])
    image = pixels(page)
    for place in range(4, 28):
        for name, offset in corner.items():
            column, row = np.floor(centres(page)[place] + radius * np.array(offset)).astype(int)
            inside = alike(image[row, column], on_page(colour[place % 4]))
            if name == shape[place % 4]:
                assert inside, (place, name)
            elif (shape[place % 4], name) in {
                ("circle", "square"),
                ("diamond", "square"),
                ("triangle", "diamond"),
            }:
                assert not inside, (place, name)


def test_each_way_of_colouring_says_what_it_says_it_does(page: Page) -> None:
    place = np.arange(N_CAMPAIGNS)
    by_tier = [LIGHT[k] for k in (1, 4, 2)]
    by_four = [LIGHT[k] for k in (1, 4, 2, 0)]
    wanted = {
        "tier": [by_tier[list(Tier).index(one.tier)] for one in GRID.marks],
        "age": [by_four[n % 4] for n in place],
        "decision": [by_four[n % 4] for n in place],
        "campaign": [style_of(int(n))[0] for n in place],
    }
    for way, colours in wanted.items():
        page.locator("#map-colour").select_option(way)
        assert alike(seen(page, centres(page)), [on_page(c) for c in colours]).all(), way
    page.locator("#map-colour").select_option("objective")
    keys = page.locator("#map-key li").all_inner_texts()
    objectives = [one.objective for one in GRID.marks]
    assert sorted(keys) == sorted(f"{name} ({objectives.count(name)})" for name in set(objectives))
    found = seen(page, centres(page))
    assert alike(found[13:26], found[:13]).all()  # objectives go round with 13
    assert not alike(found[1:6], found[0]).any()


def test_the_map_follows_the_colour_scheme(browser: Browser, address: str) -> None:
    with opened(browser, address, color_scheme="light") as page:
        page.emulate_media(color_scheme="dark")
        assert alike(seen(page, centres(page))[5], on_page(DARK[5], "dark"))
        assert pixels(page)[2, -2].tolist() == list(PAGE_COLOUR["dark"])


def test_a_mark_under_the_pointer_says_what_it_is(page: Page) -> None:
    page.mouse.move(*(centres(page)[7] + corner_of(page)))
    tip = page.locator("#map-tip")
    expect(tip).to_contain_text("Campaign 7")
    expect(tip).to_contain_text(f"{GRID.marks[7].n_prompts} prompts")
    expect(tip).to_contain_text("known for 90 days")
    page.mouse.move(*np.add(corner_of(page), (2, 300)))
    expect(tip).to_be_hidden()


# -- moving --------------------------------------------------------------------------------------------


def test_keys_move_and_zoom_and_show_all_again(page: Page) -> None:
    colours = np.array([on_page(style_of(place)[0]) for place in range(N_CAMPAIGNS)])
    before = pixels(page)
    page.locator("#map-points").focus()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowDown")
    assert alike(seen(page, centres(page) - 60)[7:20], colours[7:20]).all()
    page.keyboard.press("0")
    page.keyboard.press("+")
    middle = [14, 15, 20, 21]
    assert alike(seen(page, centres(page, 1.4)[middle]), colours[middle]).all()
    page.keyboard.press("-")
    page.keyboard.press("0")
    assert (pixels(page) == before)[4:-4, 4:-4].all()  # round it the focus shows


def test_dragging_moves_and_the_wheel_zooms_where_it_turns(page: Page) -> None:
    colours = np.array([on_page(style_of(place)[0]) for place in range(N_CAMPAIGNS)])
    drag(page, np.array([[300.0, 300.0], [330.0, 280.0]]))
    moved = np.add(centres(page), (30, -20))
    assert alike(seen(page, moved), colours)[6:].all()
    page.mouse.move(*(moved[14] + corner_of(page)))
    page.mouse.wheel(0, -300)
    page.mouse.move(*np.add(corner_of(page), (2, 300)))
    assert alike(seen(page, moved[14:15]), colours[14]).all()


def test_two_fingers_zoom_between_them_and_draw_nothing(browser: Browser, address: str) -> None:
    with opened(browser, address, has_touch=True) as page:
        page.locator("#map-lasso").click()
        box = page.locator("#map-points").bounding_box()
        assert box is not None
        middle = corner_of(page) + np.array([box["width"], box["height"]]) / 2
        fingers = page.context.new_cdp_session(page)
        for kind, apart in (("touchStart", 40), ("touchMove", 50), ("touchMove", 100), ("touchEnd", 0)):
            held = [
                {"x": middle[0] + side * apart, "y": middle[1], "id": n}
                for n, side in enumerate((-1, 1))
                if kind != "touchEnd"
            ]
            fingers.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": held})
        page.keyboard.press("Escape")
        colours = [on_page(style_of(place)[0]) for place in (14, 15, 20, 21)]
        assert alike(seen(page, centres(page, 2.5)[[14, 15, 20, 21]]), colours).all()
        assert len(listed(page)) == N_CAMPAIGNS


def test_the_list_brings_a_mark_into_view(browser: Browser, address: str) -> None:
    with opened(browser, address, reduced_motion="reduce") as page:
        page.locator("#map-points").focus()
        for _ in range(12):
            page.keyboard.press("ArrowRight")
        page.get_by_role("button", name="Show on the map: Campaign 9", exact=True).click()
        box = page.locator("#map-points").bounding_box()
        assert box is not None
        middle = np.array([[box["width"], box["height"]]]) / 2
        assert alike(seen(page, middle), on_page(style_of(9)[0])).all()


# -- selecting -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("seed", [1, 2])
def test_a_lasso_selects_exactly_what_is_inside_it(page: Page, seed: int) -> None:
    rng = np.random.default_rng(seed)
    angle = np.linspace(0, 2 * np.pi, 12, endpoint=False)
    reach = rng.uniform(80, 240, len(angle))
    box = page.locator("#map-points").bounding_box()
    assert box is not None
    path = np.array([box["width"], box["height"]]) / 2 + reach[:, None] * np.stack(
        [np.cos(angle), np.sin(angle)], axis=1
    )
    path = path.round()
    inside = Polygon(path).contains_points(screen(page))
    chosen = [place for place in range(N_CAMPAIGNS) if inside[place]]
    assert 0 < len(chosen) < N_CAMPAIGNS
    page.locator("#map-lasso").click()
    drag(page, path)
    assert listed(page) == ids(chosen)
    expect(page.locator("#map-summary")).to_have_text(summary_of(chosen, inside & (GRID.campaign < 0)))
    link = page.get_by_role("link", name=f"Work on these {len(chosen)} in the queue")
    assert link.get_attribute("href") == f"/queue?on={','.join(ids(chosen))}"
    expect(page.locator("#map-lasso")).to_have_attribute("aria-pressed", "false")


def test_a_lasso_can_be_drawn_by_keys_and_escape_takes_it_back(page: Page) -> None:
    box = page.locator("#map-points").bounding_box()
    assert box is not None
    cross = np.array([box["width"], box["height"]]) / 2
    page.locator("#map-points").focus()
    page.keyboard.press("l")
    expect(page.locator("#map-hint")).to_be_visible()
    path = []
    for key, step, times in (
        ("ArrowUp", (0, -24), 5), ("ArrowLeft", (-24, 0), 7), ("ArrowDown", (0, 24), 9), ("ArrowRight", (24, 0), 8),
    ):  # fmt: skip
        for _ in range(times):
            page.keyboard.press(key)
        page.keyboard.press("Space")
        cross = cross + np.array(step) * times
        path.append(cross)
    page.keyboard.press("Enter")
    inside = Polygon(np.array(path)).contains_points(screen(page))
    chosen = [place for place in range(N_CAMPAIGNS) if inside[place]]
    assert chosen
    assert listed(page) == ids(chosen)
    expect(page.locator("#map-summary")).to_have_text(summary_of(chosen, inside & (GRID.campaign < 0)))
    page.keyboard.press("Escape")
    assert len(listed(page)) == N_CAMPAIGNS


def test_a_click_selects_a_campaign_and_with_shift_another(page: Page) -> None:
    page.mouse.click(*(centres(page)[8] + corner_of(page)))
    assert listed(page) == ids([8])
    expect(page.get_by_role("link", name="Work on this one in the queue")).to_be_visible()
    page.keyboard.down("Shift")
    page.mouse.click(*(centres(page)[3] + corner_of(page)))
    page.keyboard.up("Shift")
    assert listed(page) == ids([3, 8])
    page.get_by_role("button", name="Clear selection").click()
    assert len(listed(page)) == N_CAMPAIGNS


def test_search_and_tiers_narrow_the_list_the_map_and_what_a_lasso_finds(page: Page) -> None:
    spots = centres(page)
    page.get_by_role("button", name=re.compile("^benign")).click()
    kept = [place for place, one in enumerate(GRID.marks) if one.tier is not Tier.BENIGN]
    assert listed(page) == ids(kept)
    drawn = alike(seen(page, spots), [on_page(style_of(n)[0]) for n in range(N_CAMPAIGNS)])
    assert np.flatnonzero(drawn).tolist() == kept
    page.get_by_label("Search campaigns").fill("Campaign 2")
    named = [place for place in kept if place == 2 or place >= 20]
    assert listed(page) == ids(named)
    page.locator("#map-lasso").click()
    drag(page, np.array([[90.0, 5.0], [780.0, 5.0], [780.0, 640.0], [90.0, 640.0]]))
    assert listed(page) == ids(named)
    page.get_by_label("Search campaigns").fill("nobody sends this")
    expect(page.locator("#map-list")).to_have_text("Nothing matches.")
    expect(page.locator("#map-work")).to_be_hidden()


def test_the_queue_is_given_fifty_at_most(browser: Browser) -> None:
    shown = picture(400, 120)
    with served(pages(shown)) as url, opened(browser, f"{url}/map/{DAY}") as page:
        assert len(listed(page)) == 100
        page.get_by_role("button", name="Show 20 more of 20").click()
        assert len(listed(page)) == 120
        page.locator("#map-lasso").click()
        drag(page, np.array([[100.0, 1.0], [780.0, 1.0], [780.0, 640.0], [100.0, 640.0]]))
        link = page.get_by_role("link", name="Work on the first 50 of these in the queue")
        named = (link.get_attribute("href") or "").removeprefix("/queue?on=").split(",")
        assert named == listed(page)[:50]


# -- what must not happen ------------------------------------------------------------------------------


def test_hostile_titles_are_text_wherever_they_are_shown(page: Page) -> None:
    titles = page.locator("#map-list a bdi").all_text_contents()
    assert titles[:2] == [safe_text(HOSTILE, 90), ATTACK]
    for place in (0, 1):
        page.mouse.move(*(centres(page)[place] + corner_of(page)))
        expect(page.locator("#map-tip strong")).to_have_text(titles[place])
    page.get_by_label("Search campaigns").fill(ATTACK)
    assert listed(page) == ids([1])
    assert page.locator("#map-page img, #map-page iframe, #map-page script").count() == 0
    assert page.title() == f"Map of {DAY} · Shoal"


def test_without_webgl_the_list_says_all_there_is(browser: Browser, address: str) -> None:
    script = """
        const get = HTMLCanvasElement.prototype.getContext;
        HTMLCanvasElement.prototype.getContext = function (kind, ...rest) {
          return kind === "webgl2" ? null : get.call(this, kind, ...rest);
        };"""
    with opened(browser, address, script) as page:
        expect(page.get_by_role("alert")).to_contain_text("every campaign is in the list")
        assert len(listed(page)) == N_CAMPAIGNS
        page.get_by_label("Search campaigns").fill("campaign 17")
        assert listed(page) == ids([17])


@pytest.mark.parametrize("body", [b"", b"<!doctype html><title>Sign in</title>", points(GRID)[:-4]])
def test_what_is_no_points_is_said_to_be_none(browser: Browser, body: bytes) -> None:
    content = pages(GRID) | {f"/map/{DAY}/points": ("application/octet-stream", body)}
    with served(content) as url, opened(browser, f"{url}/map/{DAY}") as page:
        expect(page.get_by_role("alert")).to_have_text(
            "The map could not be loaded. The server sent something else than points."
        )


def test_a_day_without_points_or_campaigns_is_drawn_all_the_same(browser: Browser) -> None:
    for n_campaigns in (0, 2):
        empty = picture(0, 0)
        shown = replace(empty, marks=tuple(mark(n, 5) for n in range(n_campaigns)))
        with served(pages(shown)) as url, opened(browser, f"{url}/map/{DAY}") as page:
            assert pixels(page)[300, 400].tolist() == [255, 255, 255]
            assert len(listed(page)) == n_campaigns
            assert page.get_by_role("button", name="Not on the map").count() == n_campaigns


def test_a_lost_context_comes_back(page: Page) -> None:
    before = pixels(page)
    page.evaluate("""async () => {
      const canvas = document.getElementById("map-points");
      const loss = canvas.getContext("webgl2").getExtension("WEBGL_lose_context");
      const came = new Promise((done) => canvas.addEventListener("webglcontextrestored", done));
      loss.loseContext();
      await new Promise((done) => setTimeout(done));
      loss.restoreContext();
      await came;
    }""")
    assert (pixels(page) == before).all()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing(browser: Browser, address: str, scheme: str) -> None:
    with opened(browser, address, color_scheme=scheme) as page:
        page.locator("#map-colour").select_option("objective")
        page.locator("#map-lasso").click()
        found = Axe().run(page)
        assert [
            (one["id"], [node["html"] for node in one["nodes"]]) for one in found.response["violations"]
        ] == []


def test_a_phone_shows_the_map_above_the_list_and_nothing_sticks_out(browser: Browser, address: str) -> None:
    with opened(browser, address, viewport={"width": 400, "height": 800}) as page:
        assert page.evaluate("document.documentElement.scrollWidth") == 400
        frame, side = (page.locator(name).bounding_box() for name in ("#map-frame", ".map-side"))
        assert frame is not None
        assert side is not None
        assert side["y"] >= frame["y"] + frame["height"] - 1
