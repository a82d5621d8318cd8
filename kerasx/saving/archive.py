"""The archive of a saved model: untrusted input, read within limits or rejected."""

import json
import os
from typing import Any, BinaryIO
from zipfile import ZIP_STORED, ZipFile

from kerasx.errors import SavedModelError

# Bytes of JSON, which needs about twenty times as much memory; characters of a name.
JSON_LIMIT = 32 << 20
NAME_LIMIT = 256


def read(file: BinaryIO) -> tuple[dict[str, Any], dict[str, Any], str]:
    """Read the configuration, the metadata and the comment of a ``.keras`` file.

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
    # zipfile raises many kinds of errors for a malformed archive.
    except Exception as error:
        reason = printable(f"{type(error).__name__}: {error}")
        raise SavedModelError(f"it is malformed, or no .keras file ({reason})") from error


def _check_members(archive: ZipFile, size: int) -> None:
    """Reject an archive that would fill the memory or a disk, here or in Keras.

    Keras never compresses. Without compression nothing is larger than the file itself, whatever
    its headers claim; with compression, zipfile may expand far more than the declared size.
    """
    members = archive.infolist()
    if len(members) != len({each.filename for each in members}):
        raise SavedModelError("two members of the archive have one name")
    for each in members:
        if each.compress_type != ZIP_STORED:
            raise SavedModelError(
                f"{printable(each.filename)} is compressed, from {each.file_size:,} bytes; Keras "
                "does not compress, and compression can hide any size"
            )
    total = sum(each.file_size for each in members)
    if total > size:
        raise SavedModelError(f"its members claim {total:,} bytes, and the file has {size:,}")


def _read(archive: ZipFile, name: str) -> dict[str, Any]:
    """Read a member that is a JSON object."""
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
    """Return text from a file in a form that is safe to print in a terminal."""
    text = text if len(text) <= limit else f"{text[:limit]}..."
    return text if text.isprintable() else ascii(text)[1:-1]
