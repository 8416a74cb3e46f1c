"""axe-core on a page, where it is installed: ``AXE=/folder/axe.min.js``, or node_modules above this repository."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from playwright.sync_api import Page

BESIDE = Path(__file__).parents[2].resolve()
PLACES = [folder / "node_modules/axe-core/axe.min.js" for folder in (BESIDE, *BESIDE.parents)]
AXE = next((path for path in (Path(os.environ.get("AXE") or "-"), *PLACES) if path.is_file()), None)
RUN = """axe.run(document, { resultTypes: ["violations"] }).then(({ violations }) => JSON.stringify(
  violations.map(({ id, nodes }) => `${id}: ${nodes.map((one) => one.target.join(" ")).join(", ")}`)))"""


def violations(page: Page) -> list[str]:
    """What axe finds on the page: rules and elements. The page forbids foreign scripts, but not to the debugger."""
    assert AXE
    debugger = page.context.new_cdp_session(page)
    debugger.send("Runtime.evaluate", {"expression": AXE.read_text(encoding="utf-8")})
    answer = debugger.send("Runtime.evaluate", {"expression": RUN, "awaitPromise": True, "returnByValue": True})
    debugger.detach()
    found: list[str] = json.loads(answer["result"]["value"])
    return found
