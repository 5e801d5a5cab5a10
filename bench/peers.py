# SPDX-License-Identifier: BSD-3-Clause
"""Where the packages are that Pellucid is measured against: `make peers` puts them into `.peers`."""

import subprocess
import sys
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parent.parent
FOLDER = REPOSITORY / ".peers"
PEERS = {
    "ctapipe": ["ctapipe==0.32.*", "eventio"],
    # the first of them asks setuptools for its own version
    "lidar": ["atmospheric-lidar==0.5.4", "atmolidarpy==0.2.1", "molecularprofiles==3.0.0", "setuptools<81"],
    "calibpipe": ["ctao-calibpipe==0.8.*"],
    # pins an old prov, so it cannot lie beside ours
    "cwltool": ["cwltool"],
    "pandera": ["pandera", "pandas"],
    # the package that LSST's survey keeps its data products with
    "butler": ["lsst-daf-butler==30.*"],
    # the community's validator of RO-Crates; brings rdflib
    "rocrate": ["roc-validator==0.13.*"],
}
"""Environment and what it holds; each peer has its own, since their requirements differ."""

UNCONSTRAINED = {"lidar", "calibpipe", "cwltool", "pandera", "butler", "rocrate"}
"""Environments whose packages do not work with the versions that Pellucid is tested with."""


def peer_python(name: str) -> Path:
    """Return the interpreter of a peer's environment; where there is none, say how to make it."""
    python = FOLDER / name / "bin" / "python"
    if not python.exists():
        sys.exit(f"The peer '{name}' is not installed: run 'make peers' first.")
    return python


def peer_command(program: str) -> list[str]:
    """Return the command line that starts a program of a peer, e.g. ``ctapipe-process``."""
    return [str(peer_python(program.partition("-")[0]).parent / program)]


def peer_version(name: str, package: str = "") -> str:
    """Return the installed version of a peer, or of a package in its environment."""
    code = f"from importlib.metadata import version; print(version({package or name!r}))"
    shown = subprocess.run([peer_python(name), "-c", code], check=True, capture_output=True, text=True)
    return shown.stdout.strip()
