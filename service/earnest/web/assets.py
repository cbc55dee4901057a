"""Style sheets and scripts: read once from the package, and named by what is in them, so that browsers keep them."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import cache
from importlib import resources
from importlib.resources.abc import Traversable
from typing import Final

MEDIA_TYPES: Final = {
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
}
"""What may lie in the folder."""
FOR_EVER: Final = "public, max-age=31536000, immutable"
ASK_AGAIN: Final = "no-cache"
PREFIX: Final = "/assets"


@dataclass(frozen=True, slots=True)
class Asset:
    """One file: its bytes and their media type."""

    body: bytes
    media_type: str


@dataclass(frozen=True, slots=True)
class Assets:
    """All files under `static/` by their paths, and one digest of them all.

    The digest is a folder in every address, so that modules may import each other by relative paths, and whatever
    changes is another address.
    """

    files: dict[str, Asset]
    digest: str

    def url(self, path: str) -> str:
        """Return where a file is served; raises `KeyError` for one that is not there."""
        self.files[path]
        return f"{PREFIX}/{self.digest}/{path}"

    def caching(self, digest: str) -> str:
        """Return for how long an answer under this digest may be kept.

        A page of another version may ask this one (while a host changes versions, say): it gets today's file, once.
        """
        return FOR_EVER if digest == self.digest else ASK_AGAIN


@cache
def load_assets() -> Assets:
    """Read the package's files, once in a process."""
    files: dict[str, Asset] = {}
    _read(resources.files("earnest.web").joinpath("static"), "", files)
    digest = hashlib.sha256()
    for path in sorted(files):
        digest.update(f"{path}\0{len(files[path].body)}\0".encode() + files[path].body)
    return Assets(files, digest.hexdigest()[:16])


def _read(folder: Traversable, prefix: str, into: dict[str, Asset]) -> None:
    for entry in folder.iterdir():
        path = f"{prefix}{entry.name}"
        if entry.is_dir():
            _read(entry, f"{path}/", into)
            continue
        kind = MEDIA_TYPES.get(f".{entry.name.rpartition('.')[2]}")
        if kind is not None:
            into[path] = Asset(entry.read_bytes(), kind)
