"""The pages in a real browser, on a desk and on a phone."""

import shutil
import threading
import time
from collections.abc import Iterator
from datetime import timedelta

import pytest
import uvicorn

CHROMIUM = shutil.which("chromium")
SWITCHES = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(CHROMIUM is None, reason="there is no chromium on the path"),
]


@pytest.fixture
def address(client, store, hand_made) -> Iterator[str]:
    """The app, served over a socket from a thread; there are scores of a week before, too."""
    store.append("scores", hand_made.all_scores(hand_made.as_of - timedelta(days=7)))
    server = uvicorn.Server(uvicorn.Config(client.app, port=0, log_level="error"))
    thread = threading.Thread(target=server.run)
    thread.start()
    while not server.started:
        time.sleep(0.05)
    yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    server.should_exit = True
    thread.join(timeout=20)


@pytest.fixture(scope="module")
def chromium() -> Iterator:
    """One browser for all tests of this file."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=SWITCHES)
        yield browser
        browser.close()


@pytest.fixture(params=[(1280, 900, "light"), (390, 844, "dark")], ids=["desk", "phone"])
def tab(request, chromium) -> Iterator:
    """A page that fails the test when anything was complained about in its console."""
    width, height, scheme = request.param
    context = chromium.new_context(viewport={"width": width, "height": height}, color_scheme=scheme)
    page, complaints = context.new_page(), []
    page.on("console", lambda said: complaints.append(said.text) if said.type in ("error", "warning") else None)
    page.on("pageerror", lambda error: complaints.append(str(error)))
    yield page
    context.close()
    assert complaints == []


def sign_in(tab, address: str, key: str) -> None:
    tab.goto(address)
    tab.get_by_label("API key").fill(key)
    tab.get_by_role("button", name="Sign in").click()


def fits(tab) -> bool:
    return tab.evaluate("document.documentElement.scrollWidth <= document.documentElement.clientWidth")


def test_a_rep_signs_in_and_reads_why_a_deal_needs_attention(tab, address, hand_made):
    sign_in(tab, address, hand_made.key)
    assert tab.get_by_role("heading", level=1).inner_text() == "Deals that need you"
    assert tab.locator("ol.deals h2").first.inner_text() == "Deal D1"
    tab.get_by_label("Owner").select_option(label="Tom Lind (2)")
    tab.get_by_role("button", name="Show").click()
    assert tab.locator("ol.deals h2").all_inner_texts() == ["Deal D6", "Deal D5"]
    tab.get_by_role("link", name="Deal D5").click()
    assert tab.get_by_role("heading", name="Why 90% to win").is_visible()
    assert tab.get_by_text("No reply for 23 days").is_visible()


def test_a_manager_sees_the_forecast_and_what_is_at_risk(tab, address, hand_made):
    sign_in(tab, f"{address}/manager", hand_made.key)
    assert tab.get_by_role("heading", name="This quarter: FY2026 Q1").is_visible()
    assert tab.get_by_role("img", name="Won so far 9k").is_visible()
    assert tab.get_by_text("50% of the quota is won.").is_visible()
    assert tab.get_by_role("columnheader", name="Chance to reach it").first.is_visible()
    tab.get_by_label("At risk by at least").select_option(label="50%")
    tab.get_by_label("Team", exact=True).select_option("South")
    tab.get_by_role("button", name="Show").click()
    assert tab.locator("table.risk tbody th a").all_inner_texts() == [hand_made.nasty]


def test_a_manager_asks_what_changed(tab, address, hand_made):
    sign_in(tab, f"{address}/manager", hand_made.key)
    tab.get_by_role("link", name="What changed since last week").click()
    assert tab.get_by_text("From 23 Mar 2026, 06:00 UTC").is_visible()
    tab.get_by_label("Quarter").select_option("Next quarter")
    tab.get_by_role("button", name="Show").click()
    assert tab.get_by_role("heading", name="FY2026 Q2").is_visible()
    tab.locator("table.bridge").get_by_role("link", name="Probability").first.click()
    assert tab.get_by_role("link", name="All causes").is_visible()


def test_no_page_is_wider_than_the_screen(tab, address, hand_made):
    sign_in(tab, address, hand_made.key)
    wider = []
    for path in ("/", "/manager", "/changes", "/planning", "/people", "/accuracy", "/deals/D1", "/deals/D2", "/docs"):
        tab.goto(address + path)
        wider += [] if fits(tab) else [path]
    assert wider == []


def test_the_sign_in_page_works_by_keyboard_alone(tab, address, hand_made):
    tab.goto(address)
    tab.wait_for_function("document.activeElement.type === 'password'")  # focused by itself, if not at once
    tab.keyboard.type(hand_made.key)
    tab.keyboard.press("Enter")
    tab.wait_for_url(f"{address}/")
    tab.keyboard.press("Tab")
    assert tab.locator(":focus").inner_text() == "Skip to the content"


def test_signing_out_shuts_the_door(tab, address, hand_made):
    sign_in(tab, address, hand_made.key)
    tab.get_by_role("button", name="Sign out").click()
    tab.goto(f"{address}/deals/D1")
    assert tab.get_by_role("heading", name="Sign in").is_visible()
