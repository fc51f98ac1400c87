"""To come."""

from .frame import Page
from .material import Material


def page(material: Material) -> Page | None:
    """Nothing yet."""
    return None
