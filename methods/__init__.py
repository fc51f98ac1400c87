"""Methods: one file each, the backbone they share, and what they have in common."""

from ..contents import table_of_contents

__all__, __getattr__, __dir__ = table_of_contents(__name__, {
    "Affine": ".affine",
    "Affines": ".affine",
    "Backbone": ".backbone",
    "Batch": ".base",
    "Explanation": ".base",
    "Ladder": ".cards.base",
    "Level": ".base",
    "Loaders": ".base",
    "Method": ".base",
    "MethodCard": ".cards.base",
    "Prefix": ".cards.base",
    "Stage": ".base",
    "Tunable": ".cards.base",
    "check_method": ".contract.check",
    "create": ".catalogue",
    "load_backbone": ".backbone",
    "registry": ".catalogue",
})
