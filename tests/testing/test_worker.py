"""Other processes: a worker keeps its variables, and one program runs to its end."""

import os
import sys

import pytest

from kerasx.testing import Worker, WorkerError, importable_from, run_python


@pytest.fixture(scope="module")
def worker():
    with Worker() as worker:
        yield worker


def test_variables_stay_between_calls(worker):
    assert worker.run("total = sum(numbers)\nprint('summed')", numbers=[1, 2]) == "summed"
    assert worker.run("import sys\nprint(total)\nprint('problem', file=sys.stderr)") == "3\nproblem"


def test_an_error_has_its_message_and_what_was_printed(worker):
    with pytest.raises(WorkerError, match=r"^ZeroDivisionError: division by zero$") as raised:
        worker.run("print('before')\n1 / 0")
    assert raised.value.printed == "before"
    assert worker.run("print('after')") == "after"


def test_a_process_that_ends_is_an_error():
    with Worker() as worker, pytest.raises(WorkerError, match="the process ended with status 3"):
        worker.run("import os\nos._exit(3)")


def test_one_program(tmp_path):
    code = "import os, sys; print(os.getcwd(), os.environ['A'], sys.argv[1:], file=sys.stderr)"
    done = run_python("-c", code, "b", cwd=tmp_path, environment={**os.environ, "A": "a"})
    assert (done.returncode, done.stdout) == (0, f"{tmp_path} a ['b']\n")
    assert run_python("-c", "raise SystemExit(2)").returncode == 2


def test_the_same_modules_are_importable(tmp_path):
    (tmp_path / "planted.py").write_text("")
    environment = importable_from(tmp_path)
    done = run_python("-c", "import planted, sys; print(*sys.path)", environment=environment)
    assert done.returncode == 0, done.stdout
    assert set(filter(None, sys.path)) <= {*done.stdout.split(), str(tmp_path)}
