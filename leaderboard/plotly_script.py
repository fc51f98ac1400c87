"""Plotly's script beside the pages of a folder: figures draw without network, and pages share one copy."""

from plotly.offline import get_plotlyjs

from .files import Folder

NAME = "plotly.min.js"


def write_plotly_script(folder: Folder) -> None:
    """Write the script into ``folder`` unless it is there already.

    Raises:
        UserError: the folder cannot be written.
    """
    script = get_plotlyjs().encode()
    if not (folder.exists(NAME) and folder.fs.size(folder.path(NAME)) == len(script)):
        folder.write(script, NAME)
