"""The archive of a saved model, which is untrusted: it is read within limits, or refused."""

import json
import os
from typing import Any, BinaryIO
from zipfile import ZIP_STORED, ZipFile

from kerasx.errors import SavedModelError

# Bytes of JSON, which takes some twenty times that in memory, and characters of a name.
JSON_LIMIT = 32 << 20
NAME_LIMIT = 256


def read(file: BinaryIO) -> tuple[dict[str, Any], dict[str, Any], str]:
    """The configuration, the metadata, and the comment of a ``.keras`` file.

    Raises:
        SavedModelError: it is malformed, or larger than the limits.
    """
    try:
        with ZipFile(file) as archive:
            _check_members(archive, os.fstat(file.fileno()).st_size)
            config, metadata = (_read(archive, f"{name}.json") for name in ("config", "metadata"))
            return config, metadata, archive.comment.decode(errors="replace")
    except SavedModelError:
        raise
    # So broad because zipfile raises many things where an archive is malformed.
    except Exception as error:
        reason = printable(f"{type(error).__name__}: {error}")
        raise SavedModelError(f"it is malformed, or no .keras file ({reason})") from error


def _check_members(archive: ZipFile, size: int) -> None:
    """Refuse what would fill memory or a disk, for us or for Keras after us.

    Keras never compresses. Without compression nothing is larger than the file itself, whatever
    its headers say; with it, zipfile may expand far more than the declared size.
    """
    members = archive.infolist()
    if len(members) != len({each.filename for each in members}):
        raise SavedModelError("two members of the archive have one name")
    for each in members:
        if each.compress_type != ZIP_STORED:
            raise SavedModelError(
                f"{printable(each.filename)} is compressed, from {each.file_size:,} bytes; Keras "
                "does not compress, and it can hide any size"
            )
    total = sum(each.file_size for each in members)
    if total > size:
        raise SavedModelError(f"its members claim {total:,} bytes, and the file has {size:,}")


def _read(archive: ZipFile, name: str) -> dict[str, Any]:
    """A member as a JSON object."""
    if name not in archive.namelist():
        raise SavedModelError(f"the archive has no {name}")
    size = archive.getinfo(name).file_size
    if size > JSON_LIMIT:
        raise SavedModelError(f"{name} has {size:,} bytes; at most {JSON_LIMIT:,} are read")
    value = json.loads(archive.read(name).decode())
    if not isinstance(value, dict):
        raise SavedModelError(f"{name} is not a JSON object")
    return value


def printable(text: str, limit: int = NAME_LIMIT) -> str:
    """Text of the file as a terminal may have it."""
    text = text if len(text) <= limit else f"{text[:limit]}..."
    return text if text.isprintable() else ascii(text)[1:-1]
