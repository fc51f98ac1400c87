"""Parts of a section that readers choose by metric."""

import json
from html import escape


def block(metric: str, title: str, html: str) -> str:
    """HTML under a heading, in a select box of the page under its metric. Metric and title are text."""
    facets = escape(json.dumps({"metric": metric}, ensure_ascii=False))
    return f'<section class="block" data-facets="{facets}"><h3>{escape(title)}</h3>\n{html}\n</section>'
