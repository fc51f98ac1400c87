"""What a data set's card says: layout, options, official counts, and where to get it. Needs no torch."""

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ValidationError

from ...cards import Card, locate
from ...errors import UserError, unknown


@dataclass(frozen=True, kw_only=True)
class Archive:
    """One file of a distribution.

    Attributes:
        url: official address.
        size: bytes, where it is known; shown before the download, and a limit on it.
        checksum: ``"md5:..."`` or ``"sha256:..."`` as published; None where nobody published one.
        into: folder under the data set's root that it is unpacked into, or put into if it is no archive.
        strip: leading folders of an archive's paths that are left away.
        unpack: False for a file that is used as it is.
    """

    url: str
    size: int | None = None
    checksum: str | None = None
    into: str = ""
    strip: int = 0
    unpack: bool = True


@dataclass(frozen=True, kw_only=True)
class Source:
    """Where a data set comes from.

    Attributes:
        page: the owners' page.
        licence: one or two sentences: what the owners allow. Shown and asked for before a download.
        archives: what is downloaded; empty where the owners want a form filled in or an account.
        form: what to do by hand where there is no direct address, and what to put where.
    """

    page: str
    licence: str = ""
    archives: tuple[Archive, ...] = ()
    form: str = ""


@dataclass(frozen=True, kw_only=True)
class DatasetCard(Card):
    """A data set's card. ``implementation`` names a function ``(root, settings) -> PartDataset``.

    Attributes:
        layout: one line: what the folder holds.
        default_backbone: timm name that a run takes when the user names none.
        default_preset: preset that a run takes when the user names none.
        fingerprint: ``"module:function"``, ``(root, settings) -> str``; part of a run's identity.
        redistributable: pictures may be copied into a published report.
        generated: drawn by partbench: there is no folder.
        counts: what the complete data set holds, of ``classes``, ``parts``, ``train``, ``val``, ``test``.
        source: where it comes from; None where partbench cannot say.
    """

    layout: str
    default_backbone: str = "vit_base_patch14_reg4_dinov2"
    default_preset: str = "default"
    fingerprint: str
    redistributable: bool = False
    generated: bool = False
    counts: Mapping[str, int] = field(default_factory=dict)
    source: Source | None = None

    def resolve(self, options: Mapping[str, Any] | None = None) -> BaseModel:
        """The data set's settings with the user's options on top.

        Raises:
            UserError: unknown option (with the nearest name), or a value out of bounds.
        """
        options = options or {}
        for name in options:
            if name not in self.settings.model_fields:
                raise unknown(f"option of {self.name}", name, self.settings.model_fields)
        try:
            return self.settings(**options)
        except ValidationError as error:
            first = error.errors()[0]
            where = ".".join(map(str, (self.name, *first["loc"])))
            raise UserError(f"{where}={first['input']!r}: {first['msg']}; see: harness show {self.name}") from None

    def fingerprint_of(self, root: Path | str | None = None, **options: Any) -> str:
        """Digest of the data under ``root``; reads annotations and file sizes, never pixels.

        Raises:
            UserError: the folder does not hold the data set as ``layout`` says.
        """
        return locate(self.fingerprint)(self.folder(root), self.resolve(options))

    def folder(self, root: Path | str | None = None) -> Path:
        """Where the data set is: ``root``, else ``$PARTBENCH_DATA/<name>``, else ``./data/<name>``.

        Raises:
            UserError: a folder was given for a data set that has none.
        """
        if self.generated and root:
            raise UserError(f"{self.name} is drawn, it takes no --data-root; leave it out, or read what "
                            f"'harness data make {self.name} DIR' wrote with --dataset cub --data-root DIR")
        folder = root or Path(os.environ.get("PARTBENCH_DATA") or "data", self.name)
        return Path(os.path.expanduser(folder))  # shells leave the ~ of --data-root=~/cub to us
