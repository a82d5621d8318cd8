"""The programs and commands of the README and the documentation work."""

import re
import shlex
from pathlib import Path

import pytest
from matplotlib import pyplot

from kerasx.testing import importable_from, run_python

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text()


def blocks(language):
    return re.findall(rf"```{language}\n(.*?)```", README, re.DOTALL)


def test_the_shortest_program_needs_only_the_lines_above_it():
    text, _, _ = README.partition("```python")
    (install,) = re.findall(r"```sh\n(.*?)```", text, re.DOTALL)
    command, *words = shlex.split(install)
    assert command == "pip"
    assert "scikit-learn" in words
    project = next(word for word in words if word.startswith("."))
    assert {"tensorflow", "metrics"} <= set(project.removeprefix(".[").removesuffix("]").split(","))
    program, *_ = blocks("python")
    imports = set(re.findall(r"^(?:import|from) (\w+)", program, re.MULTILINE))
    assert imports == {"keras", "kerasx", "sklearn"}


def test_the_shortest_program_runs(capsys):
    program, *_ = blocks("python")
    space = {}
    exec(compile(program, "README.md", "exec"), space)
    history = space["model"].history.history
    assert history["val_f1_score"][-1] > 0.7
    assert history["matthews_corr_coef"][-1] > history["matthews_corr_coef"][0]
    scores = space["kerasx"].metrics.f1_score(space["labels"], space["predictions"], average=None)
    assert scores.shape == (10,)
    assert capsys.readouterr().out.rstrip().endswith(("]", ")"))


@pytest.mark.thorough
def test_the_plugin_installs_and_reloads(tmp_path):
    (metadata,), (_, module, _) = blocks("toml"), blocks("python")
    project, site = tmp_path / "acme-layers", tmp_path / "site"
    project.mkdir()
    (project / "pyproject.toml").write_text(metadata)
    (project / "acme_layers.py").write_text(module)
    pip = ("-m", "pip", "install", "--quiet", "--no-index", "--no-deps", "--no-build-isolation")
    done = run_python(*pip, "--target", site, project)
    assert done.returncode == 0, done.stdout

    def run(program):
        done = run_python("-c", program, cwd=tmp_path, environment=importable_from(site))
        assert done.returncode == 0, done.stdout
        return done.stdout.splitlines()[-1:]

    run(
        "import keras, kerasx; inputs = keras.Input((2,));"
        "keras.Model(inputs, kerasx.layers.Double()(inputs)).save('model.keras')"
    )
    assert run(
        "import keras, kerasx, numpy; model = keras.models.load_model('model.keras');"
        "print(keras.ops.convert_to_numpy(model(numpy.ones((1, 2)))).tolist())"
    ) == ["[[2.0, 2.0]]"]


@pytest.mark.parametrize(
    ("page", "shape"),
    [
        ("language_models", (None, None, 1000)),
        ("losses", (None, 16, 16, 2)),
        ("sequences", (None, None)),
    ],
)
def test_the_models_of_the_documents_are_built(page, shape):
    text = (ROOT / f"docs/{page}.md").read_text()
    space = {}
    for program in re.findall(r"```python\n(.*?)```", text, re.DOTALL):
        exec(compile(program, page, "exec"), space)
        for expression, value in re.findall(r"^(\S.*)  # ([(\[A-Z].*)$", program, re.MULTILINE):
            assert repr(eval(expression, space)) == value
    assert space["model"].output_shape == shape


def test_the_program_about_metrics_runs(tmp_path, monkeypatch, capsys):
    text = (ROOT / "docs/metrics.md").read_text()
    (program,) = re.findall(r"```python\n(.*?)```", text, re.DOTALL)
    assert set(re.findall(r"^(?:import|from) (\w+)", program, re.MULTILINE)) == {
        "kerasx",
        "matplotlib",  # the extra plots, which the page installs
        "numpy",
    }
    monkeypatch.chdir(tmp_path)
    pyplot.switch_backend("agg")
    exec(compile(program, "metrics.md", "exec"), {})
    score, scores, head, _, row, *_ = capsys.readouterr().out.splitlines()
    assert 0.5 < float(score) < 1
    assert len(scores.strip("[]").split()) == 3
    assert head.split() == ["precision", "recall", "f1-score", "support"]
    assert row.split()[0] == "ant"
    assert pyplot.imread("confusion_matrix.png").std() > 0.1
    pyplot.close("all")


def test_the_contract_is_the_one_line_of_a_new_plugin():
    *_, contract = blocks("python")
    assert contract == (ROOT / "kerasx_launcher/template/tests/test_contract.py").read_text()


def test_nothing_is_said_to_come_from_an_index():
    """No release is on an index yet, so instructions say how to install from a clone."""
    places = [README, *(path.read_text() for path in ROOT.glob("plugins/*/README.md"))]
    for folder, suffix in (("docs", "md"), ("examples", "py"), ("kerasx", "py"), ("plugins", "py")):
        places += [path.read_text() for path in sorted((ROOT / folder).rglob(f"*.{suffix}"))]
    for text in places:
        assert not re.search(r"pip install \S*(kerasx\b|--upgrade)", text)
