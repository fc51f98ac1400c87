"""A text to copy or to save: folded away, readable without script."""

from html import escape


def copyable(label: str, text: str, anchor: str, name: str) -> str:
    """HTML of it.

    Args:
        label: of the fold.
        anchor: address on the page, of the text.
        name: of the file that the button saves.
    """
    return (f'<details class="export"><summary>{escape(label)}</summary><p class="tools scripted" hidden>'
            f'<button type="button" data-copy="{anchor}">Copy</button>'
            f'<button type="button" data-save="{anchor}" data-name="{escape(name)}">Save</button></p>'
            f'<pre id="{anchor}" tabindex="0" role="region" aria-label="{escape(label)}">{escape(text)}</pre>'
            "</details>")
