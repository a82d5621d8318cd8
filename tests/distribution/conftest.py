"""A copy of the tree and a clean environment: what someone has who is not working on kerasx."""

import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

Run = Callable[..., str]


@pytest.fixture(scope="session")
def run() -> Run:
    """Run a command without what the developer's shell and make pass on; return its output."""
    ours = (
        "PYTHON",
        "PYTEST",
        "BACKENDS",
        "KERAS",
        "TENSORFLOW",
        "JAX",
        "TORCH",
        "TF_",
        "MAKE",
        "MFLAGS",
        "VIRTUAL_ENV",
    )
    env = {name: value for name, value in os.environ.items() if not name.startswith(ours)}

    def run(*command: str | Path, cwd: Path) -> str:
        done = subprocess.run(
            command, cwd=cwd, env=env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        )
        assert done.returncode == 0, f"{command} failed:\n{done.stdout}"
        return done.stdout

    return run


@pytest.fixture(scope="session")
def clone(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Copy the tree without what is built: environments, and what is hidden, as caches are."""

    def unwanted(directory: str, names: list[str]) -> list[str]:
        return [
            name
            for name in names
            if (name.startswith(".") and name not in (".github", ".gitignore"))
            or name in ("__pycache__", "build", "dist")
            or Path(directory, name, "pyvenv.cfg").exists()
        ]

    copy = tmp_path_factory.mktemp("clone") / "kerasx"
    shutil.copytree(ROOT, copy, ignore=unwanted)
    return copy
