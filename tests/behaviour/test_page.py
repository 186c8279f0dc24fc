"""The page as people use it: a real browser, the trained models, typing, keyboard, no scripts, a narrow screen, axe-core."""

import re
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import requests
from playwright.sync_api import Browser, Page, expect

from tests.behaviour.conftest import skipped_without
from tests.behaviour.pages import npm_script, try_out

pytestmark = [pytest.mark.browser, pytest.mark.slow]

AXE = "4.14.1"
MIXED = "I was told that la vie est belle and I believed it"
PAGES = ["/", f"/?text={MIXED}", "/?text=x&language=english", "/file", "/learnt", "/api", "/card", "/nothing"]
Open = Callable[..., Page]


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    with try_out() as served:
        yield served


@pytest.fixture
def open_page(browser: Browser, address: str) -> Iterator[Open]:
    """`open_page(path, width=..., scripts=...)`; afterwards nothing has been asked of anybody else, and no script has failed."""
    opened, wrong = [], []

    def visit(path: str, *, width: int = 1100, scripts: bool = True) -> Page:
        context = browser.new_context(
            viewport={"width": width, "height": 800}, java_script_enabled=scripts, accept_downloads=True
        )
        page = context.new_page()
        page.set_default_timeout(30_000)
        page.on("request", lambda request: request.url.startswith(address) or wrong.append(request.url))
        page.on("pageerror", lambda error: wrong.append(str(error)))
        page.goto(address + path)
        opened.append(context)
        return page

    yield visit
    for context in opened:
        context.close()
    assert not wrong


def test_what_is_typed_is_answered_and_coloured(open_page: Open) -> None:
    page = open_page("/")
    page.get_by_label("Text, up to").press_sequentially("liberty and ", delay=20)
    expect(page.locator("#answer .verdict").first).to_contain_text("english")
    expect(page.locator(".characters")).to_have_text("␣liberty␣and␣")
    strong = page.locator(".c.side-a.level-4").first
    expect(strong).to_be_visible()
    background = strong.evaluate("one => getComputedStyle(one).backgroundColor")
    line = strong.evaluate("one => getComputedStyle(one).borderBottomStyle")
    assert background not in ("rgba(0, 0, 0, 0)", "transparent")
    assert line == "solid"
    page.get_by_label("Text, up to").fill(MIXED)
    expect(page.locator(".c.side-b").first).to_be_visible()
    assert page.locator(".c.side-b").first.evaluate("one => getComputedStyle(one).borderBottomStyle") == "dotted"
    expect(page.locator("mark")).to_have_count(3)
    assert [re.sub(r" [01]\.\d\d", "", text.strip()) for text in page.locator("mark").all_inner_texts()] == [
        "english I was told that",
        "french la vie est belle",
        "english and I believed it",
    ]


def test_pointing_at_a_character_shows_its_probability(open_page: Open) -> None:
    page = open_page("/?text=été")
    page.locator(".c").nth(1).hover()
    expect(page.locator("#character-detail")).to_have_text(
        re.compile(r"P\(é \| <start> \) french 0\.\d{4}, english 0\.\d{4}")
    )


def test_the_threshold_decides_what_is_answered(open_page: Open) -> None:
    page = open_page("/?text=nation")
    expect(page.locator(".verdict").first).to_contain_text("none: No language is probable enough")
    page.get_by_label("Answer with a language only if").fill("0.3")
    expect(page.locator(".verdict").first).not_to_contain_text("none")
    expect(page.locator("output[for=threshold]")).to_have_text("0.30")
    page.get_by_role("checkbox", name="french").uncheck()
    expect(page.locator("#answer")).to_contain_text("Choose two languages or more.")


def test_an_example_is_one_click(open_page: Open) -> None:
    page = open_page("/")
    page.get_by_role("link", name="not worth the ticket").click()
    expect(page.locator("#sentiment-title")).to_be_visible()
    expect(page.locator(".verdict").nth(1)).to_contain_text("negative")
    expect(page.locator(".words .minus").first).to_contain_text("−")
    page.get_by_role("link", name="guten Morgen").click()
    expect(page.locator(".verdict").nth(1)).to_contain_text("It is not English")


def test_all_of_it_works_with_the_keyboard(open_page: Open) -> None:
    page = open_page("/")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.textContent") == "Skip to the content"
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    page.keyboard.type("la liberté")
    expect(page.locator(".characters")).to_have_text("␣la␣liberté␣")
    for _ in range(60):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.classList.contains('characters')"):
            break
    page.keyboard.press("ArrowRight")
    expect(page.locator("#character-detail")).to_contain_text("P(l |")
    page.keyboard.press("End")
    expect(page.locator("#character-detail")).to_contain_text("é")


def test_without_scripts_it_is_plain_forms(open_page: Open, tmp_path: Path) -> None:
    page = open_page("/", scripts=False)
    page.get_by_label("Text, up to").fill(MIXED)
    page.get_by_role("button", name="Answer").click()
    expect(page.locator("mark")).to_have_count(3)
    page.get_by_role("link", name="A file").click()
    path = tmp_path / "some.txt"
    path.write_text("bonjour tout le monde\nthank you very much\n", encoding="utf-8")
    page.get_by_label("File: choose one").set_input_files(path)
    page.get_by_role("button", name="Answer").click()
    until = time.monotonic() + 30
    while "Being answered" in page.locator("#answer").inner_text() and time.monotonic() < until:
        page.locator("noscript a").click()
        time.sleep(0.3)
    expect(page.locator("#answer")).to_contain_text("Done.")


def test_a_file_is_dropped_and_comes_back(open_page: Open, tmp_path: Path) -> None:
    page = open_page("/file")
    page.get_by_label("Format of the answers").select_option("CSV")
    page.get_by_label("What to answer").select_option("language")
    given = page.evaluate_handle(
        """() => { const given = new DataTransfer();
        given.items.add(new File(["id,text\\n7,bonjour tout le monde\\n8,thank you very much\\n"], "notes.csv")); return given; }"""
    )
    page.dispatch_event(".drop", "drop", {"dataTransfer": given})
    expect(page.locator("#answer")).to_contain_text("Done.", timeout=30_000)
    with page.expect_download() as download:
        page.get_by_role("link", name="Download the answers").click()
    lines = Path(download.value.path()).read_text(encoding="utf-8").splitlines()
    assert lines[0] == "id,text,language,language_probability,reason"
    assert [line.split(",")[:3] for line in lines[1:]] == [
        ["7", "bonjour tout le monde", "french"],
        ["8", "thank you very much", "english"],
    ]


def test_a_bad_file_is_explained(open_page: Open, tmp_path: Path) -> None:
    page = open_page("/file")
    path = tmp_path / "broken.parquet"
    path.write_bytes(b"PAR1 no")
    page.get_by_label("File: choose one").set_input_files(path)
    page.get_by_role("button", name="Answer").click()
    expect(page.locator("#answer .problem")).to_contain_text("broken.parquet", timeout=30_000)
    expect(page.locator("#answer")).not_to_contain_text("Traceback")


def test_what_it_learnt_follows_temperature_and_threshold(open_page: Open) -> None:
    page = open_page("/learnt")
    cold = page.locator(".samples dd").first.inner_text()
    page.get_by_label("Temperature").fill("1.6")
    expect(page.locator(".samples dd").first).not_to_have_text(cold)
    said = page.locator("#answer [role=status]").first
    assert re.search(r"recall 0\.\d{3}, precision 0\.\d{3}", said.inner_text())
    before = said.inner_text()
    page.get_by_label("Threshold, languages").fill("0.1")
    expect(said).not_to_have_text(before)
    expect(page.locator("#about-title")).to_be_visible()
    expect(page.get_by_role("cell", name="␣").first).to_be_visible()


@pytest.mark.parametrize("path", PAGES)
def test_a_narrow_screen_needs_no_sideways_scrolling(open_page: Open, path: str) -> None:
    page = open_page(path, width=320)
    assert page.evaluate("document.documentElement.scrollWidth") <= 320


@pytest.mark.parametrize("path", PAGES)
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing(open_page: Open, path: str, scheme: str) -> None:
    with skipped_without():
        script = npm_script("axe-core", AXE)
    page = open_page(path)
    page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
    page.evaluate(script.read_text(encoding="utf-8"))
    found = page.evaluate("axe.run().then((found) => found.violations)")
    assert not [(one["id"], one["nodes"][0]["html"][:200]) for one in found]


def test_the_server_goes_away_and_the_page_says_so(browser: Browser) -> None:
    with try_out() as served:
        assert requests.get(f"{served}/health", timeout=30).ok
        page = browser.new_page()
        page.goto(f"{served}/")
    page.get_by_label("Text, up to").fill("ab")
    expect(page.locator("#answer")).to_contain_text("The server does not answer.")
    page.close()
