"""What the settings of checkpoints mean together."""

import os
import re
from collections.abc import Mapping

from sage_local.config.enums import Checkpointing
from sage_local.config.locations import joined
from sage_local.config.settings import Settings
from sage_local.config.table import CHECKPOINT_DIR, CHECKPOINT_INTERVAL_MS, CHECKPOINTING, RESTORE


def checkpointing_of(settings: Settings) -> Checkpointing:
    """What was written; where nothing was, whoever asks for an interval or for a restore means ``EXACTLY_ONCE``."""
    written = settings[CHECKPOINTING]
    if written is not None:
        return written
    is_meant = settings.written(CHECKPOINT_INTERVAL_MS) is not None or settings[RESTORE] is not None
    return Checkpointing.EXACTLY_ONCE if is_meant else Checkpointing.NONE


def checkpoint_directory(settings: Settings, job_name: str, environ: Mapping[str, str]) -> str:
    """Where the checkpoints of jobs of this name are: a directory, absolute, or a URI."""
    root = settings[CHECKPOINT_DIR] or _default_root(environ)
    if "://" not in root:
        root = os.path.abspath(os.path.expanduser(root))
    # A name may be any text, a directory may not.
    return joined(root, re.sub(r"[^A-Za-z0-9_.-]+", "-", job_name).strip(".-") or "job")


def _default_root(environ: Mapping[str, str]) -> str:
    state = environ.get("XDG_STATE_HOME") or "~/.local/state"
    return f"{state}/sage/checkpoints"
