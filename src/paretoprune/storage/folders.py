"""Names in folders that survive a power failure: made or renamed, and forced to the disk."""

from __future__ import annotations

import errno
import os
from pathlib import Path

# Of file systems that cannot force a folder, such as some network file systems: they keep names
# as safe as they can on their own.
_CANNOT = (errno.EINVAL, errno.ENOTSUP, errno.ENOSYS, errno.EBADF)


def force_folder(folder: Path) -> None:
    """Force the names in a folder to the disk; before that, a power failure undoes a rename."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    except OSError as error:
        if error.errno not in _CANNOT:
            raise
    finally:
        os.close(descriptor)


def make_folder(folder: Path) -> None:
    """Create a folder and its missing parents, and force their names to the disk."""
    missing = [path for path in (folder, *folder.parents) if not path.exists()]
    folder.mkdir(parents=True, exist_ok=True)
    for path in missing:
        force_folder(path.parent)
