"""The `kerasx` command where Keras cannot start."""

import os
import subprocess
import sys

COMMAND = "import kerasx_launcher; kerasx_launcher.main()"


def test_missing_backend_is_named(tmp_path):
    without = f"import sys; sys.modules['torch'] = None; {COMMAND}"
    done = subprocess.run(
        [sys.executable, "-c", without, "list"],
        cwd=tmp_path,
        env=os.environ | {"KERAS_BACKEND": "torch"},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 1
    assert 'pip install "kerasx[torch]"' in done.stderr
    assert "Traceback" not in done.stderr
