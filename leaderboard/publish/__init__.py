"""Publishing: the site and the data that it is built from, to a folder or to a branch of a git remote."""

from ...contents import table_of_contents

__all__, __getattr__, __dir__ = table_of_contents(__name__, {
    "Published": ".publishing",
    "publish_results": ".publishing",
})
