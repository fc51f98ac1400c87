"""The site in a real Chromium, from disk, without network: nothing fails, nothing hostile runs, every control works."""

import json
import shutil

import pytest

CHROMIUM = shutil.which("chromium") or shutil.which("google-chrome")
pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on this machine (apt install chromium)")
PHONE = {"width": 390, "height": 844}
# Every control that is shown, one after the other, each used as a reader would.
USE_ALL = """async () => {
  const pause = () => new Promise(resolve => setTimeout(resolve, 0));
  const shown = node => node.checkVisibility();
  let used = 0;
  for (const summary of document.querySelectorAll("summary")) { summary.click(); used++; }
  for (const box of document.querySelectorAll("input[type=checkbox], input[type=radio]")) {
    if (shown(box)) { box.click(); box.click(); used++; }
  }
  for (const field of document.querySelectorAll("input[type=search], input[type=text]")) {
    if (!shown(field)) continue;
    for (const text of ["ivpt", "<b>", ""]) {
      field.value = text; field.dispatchEvent(new Event("input", {bubbles: true})); used++;
    }
  }
  for (const select of document.querySelectorAll("select")) {
    for (const option of [...select.options].reverse()) {
      select.value = option.value; select.dispatchEvent(new Event("change", {bubbles: true})); used++;
    }
    await pause();
  }
  for (const button of document.querySelectorAll("button")) {
    if (shown(button)) { button.click(); used++; await pause(); }
  }
  for (const link of document.querySelectorAll("a[href^='#']")) { link.click(); used++; }
  return used;
}"""
UNFOLD = "open => document.querySelectorAll('details').forEach(fold => { fold.open = open; })"


@pytest.fixture(scope="module")
def chromium():
    sync = pytest.importorskip("playwright.sync_api", reason="playwright is not installed: pip install partbench[test]")
    with sync.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture
def opened(chromium):
    """Open pages without a network; what went wrong with them ends in a list that has to stay empty."""
    contexts = []

    def make(**looks):
        context = chromium.new_context(offline=True, **looks)
        contexts.append(context)
        page, wrong = context.new_page(), []
        page.on("pageerror", lambda error: wrong.append(f"{page.url}: {error}"))
        page.on("console", lambda said: said.type == "error" and wrong.append(f"{page.url}: {said.text}"))
        page.on("requestfailed", lambda request: wrong.append(f"{page.url}: failed {request.url[:200]}"))
        page.on("request", lambda request: request.url.startswith(("file:", "data:", "blob:"))
                or wrong.append(f"{page.url}: asked for {request.url[:200]}"))
        return page, wrong

    yield make
    for context in contexts:
        context.close()


def pages(site):
    return sorted(site.glob("*.html"))


def test_every_control_of_every_page_works_and_nothing_hostile_runs(site, opened):
    page, wrong = opened()
    for file in pages(site):
        page.goto(file.as_uri())
        used = page.evaluate(USE_ALL)
        assert used, f"{file.name} has no control at all"
        assert page.evaluate("window.pwned") is None, file.name
    assert wrong == []


def test_navigation_reaches_every_page_from_every_page(site, opened):
    page, wrong = opened()
    names = [file.name for file in pages(site) if not file.name.startswith("sweep-")]
    page.goto((site / "index.html").as_uri())
    for name in names:
        page.click(f"nav.pages a[href='{name}']")
        page.wait_for_load_state("load")  # who leaves earlier breaks off the loading of the scripts
        assert page.url.endswith(name)
        assert page.locator("nav.pages a[aria-current=page]").get_attribute("href") == name
        assert page.locator("nav.pages a").count() == len(names)
    assert wrong == []


@pytest.mark.parametrize(("colours", "checked"), [
    ("light", {"resultTypes": ["violations"]}), ("dark", {"runOnly": ["color-contrast"]})], ids=["light", "dark"])
def test_no_page_has_a_serious_accessibility_violation(site, opened, colours, checked):
    axe = pytest.importorskip("axe_playwright_python.sync_playwright", reason="axe-playwright-python is not installed")
    page, _ = opened(color_scheme=colours)
    found = {}
    for file in pages(site):
        page.goto(file.as_uri())
        page.evaluate(UNFOLD, True)
        report = axe.Axe().run(page, options=checked).response
        serious = [(each["id"], each["nodes"][0]["html"][:200], each["nodes"][0]["failureSummary"][:300])
                   for each in report["violations"] if each["impact"] in ("serious", "critical")]
        if serious:
            found[file.name] = serious
    assert found == {}, json.dumps(found, indent=1)


def test_no_page_is_wider_than_a_phone(site, opened):
    page, _ = opened(viewport=PHONE)
    wide = {}
    for file in pages(site):
        page.goto(file.as_uri())
        for fold in (False, True):
            page.evaluate(UNFOLD, fold)
            width = page.evaluate("document.documentElement.scrollWidth")
            if width > PHONE["width"]:
                wide[file.name] = width
    assert wide == {}


def column(table, name):
    """What a column shows, row by row, without controls."""
    return table.evaluate("""(table, name) => {
        const place = [...table.tHead.rows[0].cells].findIndex(head => head.dataset.key === name);
        const text = cell => place ? cell.firstChild.textContent : cell.textContent;
        return [...table.tBodies[0].rows].filter(row => !row.hidden).map(row => text(row.cells[place]));
    }""", name)


def test_a_view_is_chosen_sorted_filtered_saved_and_linked(site, opened, tmp_path):
    page, wrong = opened(accept_downloads=True)
    page.goto((site / "index.html").as_uri())
    page.select_option("select[name='data set']", "cub")
    page.select_option("select[name=protocol]", label="ivpt (99)")
    shown = page.locator("section[data-facets]:visible")
    assert shown.count() == 1
    table = shown.locator("table.sortable")
    head = table.locator("th[data-key=deletion]")
    head.locator("button").click()
    assert head.get_attribute("aria-sort") == "ascending"
    values = [float(value) for value in column(table, "deletion")]
    assert values == sorted(values)
    shown.locator("input[type=search]").fill("IVPT")
    assert {name.partition("@")[0] for name in column(table, "method")} == {"ivpt"}
    shown.locator(".tools summary").click()
    assert not table.locator("th[data-key=purity]").is_visible()
    shown.get_by_label("purity").check()
    shown.get_by_label("seeds").uncheck()
    with page.expect_download() as caught:
        shown.get_by_role("button", name="Save as CSV").click()
    first, *lines = caught.value.path().read_text().splitlines()
    assert first.startswith('"method","accuracy","accuracy interval","accuracy rank"')
    assert '"purity"' in first
    assert '"seeds"' not in first
    assert len(lines) == 2 + 2  # and the controls, but for those of single methods

    again, wrong_again = opened()
    again.goto(page.url)  # the address brings all of it back
    table = again.locator("section[data-facets]:visible table.sortable")
    assert again.locator("section[data-facets]:visible").count() == 1
    assert len(column(table, "method")) == 2
    assert column(table, "deletion") == sorted(column(table, "deletion"), key=float)
    assert table.locator("th[data-key=purity]").is_visible()
    assert not table.locator("th[data-key=seeds]").is_visible()
    assert wrong == wrong_again == []


def test_controls_of_single_methods_are_shown_when_asked_for_and_linked(site, opened):
    page, wrong = opened()
    page.goto((site / "index.html").as_uri())
    folded = page.locator("tbody.own").first
    assert folded.locator("tr:visible").count() == 1  # its heading
    folded.get_by_label("Controls of single methods").check()
    assert folded.locator("tr:visible").count() == 2
    again, _ = opened()
    again.goto(page.url)
    assert again.locator("tbody.own").first.locator("tr:visible").count() == 2
    assert wrong == []


def test_a_hostile_address_changes_nothing(site, opened):
    page, wrong = opened()
    for address in ("#%", "#=", "#data+set=nothing", "#constructor.sort=up,__proto__", "#b-1.column=%00", "#'\"><x"):
        page.goto("about:blank")
        page.goto((site / "index.html").as_uri() + address)
        assert page.locator("section[data-facets]:visible").count() == page.locator("section[data-facets]").count()
    assert wrong == []


def test_without_script_every_table_is_there(site, chromium):
    context = chromium.new_context(offline=True, java_script_enabled=False)
    page = context.new_page()
    page.goto((site / "index.html").as_uri())
    assert page.locator("table.scores").count() == page.locator("table.scores:visible").count() > 3
    assert page.locator("th[data-key=purity]").first.is_visible()
    context.close()
