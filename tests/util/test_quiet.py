"""A command starts in any environment: encodings, settings of Keras and matplotlib, users without a home."""

import json
import os
import subprocess
import sys

import pytest
from conftest import command, environment

from coursework.util import quiet

BUILD = """
from coursework.cli.main import pin_environment
from coursework.util.quiet import silence
pin_environment()
silence()
from coursework.extractors import inception
from coursework.networks import NETWORKS
from coursework.config.presets import GAN
import keras, matplotlib
network = NETWORKS["dcgan"](GAN.network, (32, 32, 3), 0)["generator"]
print(network.output_shape, keras.config.floatx(), keras.config.epsilon(), keras.config.max_epochs(),
      matplotlib.get_backend())
"""


START = """
from coursework.util.errors import UserError
from coursework.util.quiet import silence
try:
    silence()
except UserError as error:
    print(error)
"""


def program(text, **options):
    """Run a program in a process of its own and return it when it has finished."""
    return subprocess.run([sys.executable, "-c", text], capture_output=True, timeout=120, **options)


@pytest.mark.parametrize(
    ("encoding", "shown"),
    [
        ("utf-8", "↓ 0.5 ± 0.1 → é 猫 😀 \\udce9".encode()),
        ("cp1252", rb"v 0.5 " + b"\xb1" + rb" 0.1 -> " + b"\xe9" + rb" \u732b \ud83d\ude00 \udce9"),
        ("ascii", rb"v 0.5 +- 0.1 -> e \u732b \ud83d\ude00 \udce9"),
    ],
)
def test_output_is_printed_in_any_encoding(encoding, shown):
    text = "from coursework.util.quiet import pin_environment; pin_environment(); import sys\n"
    text += r"for stream in (sys.stdout, sys.stderr): print('↓ 0.5 ± 0.1 → é 猫 😀 \udce9', file=stream)"
    made = program(text, env=environment(PYTHONIOENCODING=encoding))
    assert (made.returncode, made.stdout.strip(), made.stderr.strip()) == (0, shown, shown)


def test_what_is_printed_is_json_in_any_encoding():
    text = "from coursework.util.quiet import pin_environment; pin_environment(); import json\n"
    text += "print(json.dumps(['猫 😀'], ensure_ascii=False))"
    made = program(text, env=environment(PYTHONIOENCODING="ascii"))
    assert json.loads(made.stdout) == ["猫 😀"]


def test_a_mistake_is_told_in_any_encoding(in_tmp):
    made = command("sample", "猫", env=environment(PYTHONIOENCODING="ascii"))
    assert made.returncode == 2
    assert made.stderr.startswith(r"coursework: error: no run at \u732b: train one")


def test_keras_and_matplotlib_are_those_that_the_package_relies_on(in_tmp):
    """A notebook's matplotlib backend, whose module is missing, and a keras.json of another framework's user."""
    (in_tmp / ".keras").mkdir()
    settings = {"image_data_format": "channels_first", "floatx": "float16", "epsilon": 0.1}
    (in_tmp / ".keras" / "keras.json").write_text(json.dumps(settings))
    # Nobody has put that module into the test's folder.
    made = program(
        BUILD,
        env=environment(MPLBACKEND="module://nowhere.backend", KERAS_HOME=str(in_tmp / ".keras"), KERAS_MAX_EPOCHS="1"),
    )
    assert made.stderr == b""
    assert made.stdout.split() == b"(None, 32, 32, 3) float32 1e-07 None agg".split()


NOBODY = """
import os, pwd, sys
def unknown(uid):
    raise KeyError(f"getpwuid(): uid not found: {uid}")
pwd.getpwuid = unknown
os.environ.pop("HOME", None)
os.environ.pop("COURSEWORK_CACHE", None)
from coursework.cli.main import main
sys.exit(main(["doctor"]))
"""


def test_a_user_without_home_and_password_entry(in_tmp):
    """As under `docker run --user 54321`."""
    made = program(NOBODY, env=environment(TMPDIR=str(in_tmp)))
    assert made.returncode == 0, (made.stdout, made.stderr)
    assert str(in_tmp / "coursework-cache-").encode() in made.stdout


def test_the_failure_of_a_library_is_its_own(in_tmp):
    (in_tmp / "matplotlib.py").write_text("raise ValueError('a broken installation')")
    made = program(START, env=environment(PYTHONPATH=f"{in_tmp}{os.pathsep}{environment()['PYTHONPATH']}"))
    assert made.stdout.startswith(
        b"cannot start Keras: matplotlib raised ValueError: a broken installation: repair or reinstall matplotlib"
    )


def test_a_library_that_is_missing_is_named(in_tmp):
    (in_tmp / "sitecustomize.py").write_text("import sys; sys.modules['torch'] = None")
    path = f"{in_tmp}{os.pathsep}{environment()['PYTHONPATH']}"
    made = program(START, env=environment(PYTHONPATH=path, KERAS_BACKEND="torch"))
    assert made.stdout.startswith(b"cannot start Keras: torch is not installed: install it, or set KERAS_BACKEND to ")


def test_another_backend_is_refused_at_once(monkeypatch):
    monkeypatch.setenv("KERAS_BACKEND", "jax")
    line = quiet._not_started(ModuleNotFoundError("No module named 'jax'", name="jax"))
    assert line == 'KERAS_BACKEND is jax: set it to tensorflow, or to torch after pip install -e ".[torch]"'
