"""The pages in a real browser, on a desk and on a phone.

What a page shall show is expected, not asserted: a click does not wait for the page that it leads to.
"""

import shutil
import threading
import time
from collections.abc import Iterator
from datetime import timedelta

import pytest
import uvicorn
from playwright.sync_api import expect, sync_playwright

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


expect.set_options(timeout=30_000)  # milliseconds: a machine that is busy is not a page that is wrong


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
    expect(tab.get_by_role("button", name="Sign out")).to_be_visible()


def fits(tab) -> bool:
    return tab.evaluate("document.documentElement.scrollWidth <= document.documentElement.clientWidth")


def test_a_rep_signs_in_and_reads_why_a_deal_needs_attention(tab, address, hand_made):
    sign_in(tab, address, hand_made.key)
    expect(tab.get_by_role("heading", level=1)).to_have_text("Deals that need you")
    expect(tab.locator("ol.deals h2").first).to_have_text("Deal D1")
    tab.get_by_label("Owner").select_option(label="Tom Lind (2)")
    tab.get_by_role("button", name="Show").click()
    expect(tab.locator("ol.deals h2")).to_have_text(["Deal D6", "Deal D5"])
    tab.get_by_role("link", name="Deal D5").click()
    expect(tab.get_by_role("heading", name="Why 90% to win")).to_be_visible()
    expect(tab.get_by_text("No reply for 23 days")).to_be_visible()


def test_a_manager_sees_the_forecast_and_what_is_at_risk(tab, address, hand_made):
    sign_in(tab, f"{address}/manager", hand_made.key)
    expect(tab.get_by_role("heading", name="This quarter: FY2026 Q1")).to_be_visible()
    expect(tab.get_by_role("img", name="Won so far 9k")).to_be_visible()
    expect(tab.get_by_text("50% of the quota is won.")).to_be_visible()
    expect(tab.get_by_role("columnheader", name="Chance to reach it").first).to_be_visible()
    tab.get_by_label("At risk by at least").select_option(label="50%")
    tab.get_by_label("Team", exact=True).select_option("South")
    tab.get_by_role("button", name="Show").click()
    expect(tab.locator("table.risk tbody th a")).to_have_text([hand_made.nasty])


def test_a_manager_asks_what_changed(tab, address, hand_made):
    sign_in(tab, f"{address}/manager", hand_made.key)
    tab.get_by_role("link", name="What changed since last week").click()
    expect(tab.get_by_text("From 23 Mar 2026, 06:00 UTC")).to_be_visible()
    tab.get_by_label("Quarter").select_option("Next quarter")
    tab.get_by_role("button", name="Show").click()
    expect(tab.get_by_role("heading", name="FY2026 Q2")).to_be_visible()
    tab.locator("table.bridge").get_by_role("link", name="Probability").first.click()
    expect(tab.get_by_role("link", name="All causes")).to_be_visible()


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
    expect(tab.locator(":focus")).to_have_text("Skip to the content")


def test_signing_out_shuts_the_door(tab, address, hand_made):
    sign_in(tab, address, hand_made.key)
    tab.get_by_role("button", name="Sign out").click()
    expect(tab.get_by_role("heading", name="Sign in")).to_be_visible()
    tab.goto(f"{address}/deals/D1")
    expect(tab.get_by_role("heading", name="Sign in")).to_be_visible()
