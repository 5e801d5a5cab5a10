# SPDX-License-Identifier: BSD-3-Clause
"""Install each peer, or those named, in an environment of its own below `.peers`."""

import subprocess
import sys
import venv

from peers import FOLDER, PEERS, REPOSITORY, UNCONSTRAINED


def main() -> None:
    for name in sys.argv[1:] or PEERS:
        requirements = PEERS[name]
        folder = FOLDER / name
        done = folder / "installed"
        if done.exists() and done.read_text() == repr(requirements):
            continue
        print(f"installing {name} into {folder.relative_to(REPOSITORY)}", file=sys.stderr)
        venv.create(folder, with_pip=True, clear=True)
        pip = [folder / "bin" / "python", "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
        constraints = [] if name in UNCONSTRAINED else ["-c", REPOSITORY / "constraints.txt"]
        subprocess.run([*pip, *constraints, *requirements], check=True)
        done.write_text(repr(requirements))


if __name__ == "__main__":
    main()
