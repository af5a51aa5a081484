"""What tests need that look at pages: commands, themes, and what axe finds."""

import os
from pathlib import Path

import pytest

AXE = Path(__file__).parents[2] / "node_modules" / "axe-core" / "axe.min.js"
THEMES = ("JupyterLab Light", "JupyterLab Dark", "JupyterLab Dark High Contrast")
LOOKS = os.environ.get("STUDIO_LOOKS", "")
"""A folder to which all that is looked at is drawn."""
IMAGES = os.environ.get("STUDIO_IMAGES", "")
"""A folder to which the pages are drawn in both themes, for docs/studio.md."""
# The folder of a test is nobody's business.
SHORTEN = """() => { const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
    while (texts.nextNode()) { const node = texts.currentNode;
        if (node.data.includes('/home/')) node.data = node.data.replace(/[/][^ ]*[/]home[/]/, '/home/ann/aml/'); } }"""


def command(page, identity, /, **arguments):
    page.evaluate(
        "([id, args]) => window.jupyterapp.commands.execute(id, args).then(() => null)", [identity, arguments]
    )


def show_theme(page, theme):
    command(page, "apputils:change-theme", theme=theme)
    page.wait_for_function("theme => document.body.dataset.jpThemeName === theme", arg=theme)
    page.wait_for_timeout(500)  # its style sheet


def take_axe(page):
    """Bring axe into the page, which is then there until it is left."""
    if not AXE.exists():
        pytest.skip("axe-core is not installed: `npm ci`.")
    page.evaluate("source => { const s = document.createElement('script'); s.text = source; document.head.append(s); }",
                  AXE.read_text())  # fmt: skip


def findings(page, selector):
    """What axe calls serious or critical below an element: rule, element, what is wrong."""
    result = page.evaluate("selector => axe.run(selector, {resultTypes: ['violations']})", selector)
    assert result["passes"], selector  # it was there to be looked at
    return [
        (one["id"], node["target"], node["failureSummary"])
        for one in result["violations"]
        if one["impact"] in ("serious", "critical")
        for node in one["nodes"]
    ]


def looked_at(page, theme, selectors, name=""):
    """What axe finds below each of these, which are made to be seen as they are asked for."""
    found = set()
    for at, selector in enumerate(selectors):
        found |= {(theme, selector, *map(str, one)) for one in findings(page, selector)}
        if LOOKS:
            page.screenshot(path=Path(LOOKS) / f"{theme.replace(' ', '-')}-{name}{at:02}.png")
    return found


def draw(page, name):
    """The page in both themes, when images are asked for."""
    if not IMAGES:
        return
    for theme, word in (("JupyterLab Dark", "dark"), ("JupyterLab Light", "light")):
        show_theme(page, theme)
        page.evaluate(SHORTEN)
        page.screenshot(path=Path(IMAGES) / f"studio-{name}-{word}.png")
