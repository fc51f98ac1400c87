"""Tables of protocols for `harness list`, `show` and `protocol diff`. Torch-free."""

from rich.console import Group, RenderableType
from rich.markup import escape
from rich.table import Table
from rich.text import Text

from ...metrics.catalogue import versions
from ...metrics.protocol import Protocol, protocol, protocols


def protocol_table() -> Table:
    """Every protocol, its id and what it scores."""
    table = Table("name", "id", "scores", box=None)
    for name in protocols:
        card = protocol(name)
        listed = ", ".join(card.metric_versions) if len(card.metric_versions) < len(versions()) else "every metric"
        table.add_row(name, card.id, listed)
    table.caption = "harness protocol diff A B says where two differ"
    return table


def protocol_difference(one: str, other: str) -> RenderableType:
    """A table of the settings in which two protocols differ.

    Raises:
        UserError: no such protocol.
    """
    first, second = protocol(one), protocol(other)
    if first.id == second.id:
        return Text(f"{one} and {other} are the same protocol, id {first.id}")
    table = Table("setting", f"{one}  {first.id}", f"{other}  {second.id}", "what it is", box=None)
    for name, field in Protocol.model_fields.items():
        pair = getattr(first, name), getattr(second, name)
        if name not in ("name", "metric_versions") and pair[0] != pair[1]:
            table.add_row(name, *(escape(str(value)) for value in pair), escape(field.description or ""))
    for metric in dict.fromkeys((*first.metric_versions, *second.metric_versions)):
        found = [card.metric_versions.get(metric) for card in (first, second)]
        if found[0] != found[1]:
            table.add_row(f"metric {metric}", *("" if version is None else f"version {version}" for version in found))
    return table


def protocol_details(name: str) -> RenderableType:
    """Every setting of a protocol and the metrics it scores."""
    card = protocol(name)
    table = Table("setting", "value", "what", box=None)
    for setting, field in Protocol.model_fields.items():
        if setting not in ("name", "metric_versions"):
            table.add_row(setting, escape(str(getattr(card, setting))), escape(field.description or ""))
    scored = ", ".join(f"{metric} (version {version})" for metric, version in card.metric_versions.items())
    return Group(Text(f"protocol {name}, id {card.id}"), table, Text(f"scores: {scored}"))
