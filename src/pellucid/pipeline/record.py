# SPDX-License-Identifier: BSD-3-Clause
"""What a run was asked to do, kept while it is not over, so that it can be gone on with after a kill."""

import json
import os
from collections.abc import Mapping
from pathlib import Path

from pellucid.archive.files import storage_errors
from pellucid.archive.lineage import JSON, canonical_json
from pellucid.errors import CorruptedInput, MissingInput

__all__ = ["RunRecord"]


class RunRecord:
    """The record of a workspace's last run.

    Parameters
    ----------
    workspace : Path
        Folder of the workspace.
    """

    def __init__(self, workspace: Path) -> None:
        self.path = Path(workspace) / "runs" / "last.json"

    def begin(self, asked: Mapping[str, JSON]) -> None:
        """Note what a run is asked to do, in the words of its options."""
        self._write({"asked": asked, "state": "running"})

    def end(self, asked: Mapping[str, JSON], exit_code: int) -> None:
        """Note that it is over, and how."""
        self._write({"asked": asked, "state": "over", "exit_code": exit_code})

    def unfinished(self) -> dict[str, JSON]:
        """Return what the last run was asked, if it was not over or left something undone.

        Raises
        ------
        MissingInput
            There is none (``nothing-to-resume``).
        CorruptedInput
            The record is damaged (``damaged-record``).
        """
        try:
            document = json.loads(self.path.read_text())
            asked, over = document["asked"], document["state"] == "over" and not document["exit_code"]
        except FileNotFoundError:
            asked, over = None, True
        except (OSError, ValueError, KeyError) as error:
            raise CorruptedInput(
                "The record of the last run is damaged.",
                where=str(self.path),
                got=str(error),
                mend="run the night again with --night and --level: what is done stays done",
                code="damaged-record",
            ) from error
        if over:
            raise MissingInput(
                "There is no run to go on with.",
                where=str(self.path),
                expected="a run that was stopped, or that left something undone",
                mend="name what to run: --night and --level",
                code="nothing-to-resume",
            )
        return dict(asked)

    def _write(self, document: Mapping[str, JSON]) -> None:
        with storage_errors(self.path):
            self.path.parent.mkdir(exist_ok=True)
            hidden = self.path.with_name(f".{self.path.name}.{os.getpid()}")
            hidden.write_text(canonical_json(dict(document)))
            os.replace(hidden, self.path)
