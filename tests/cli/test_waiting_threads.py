"""How the threads of a command wait for each other."""

import os
import subprocess
import sys

import pytest


@pytest.mark.parametrize(("given", "expected"), [({}, "PASSIVE"), ({"OMP_WAIT_POLICY": "ACTIVE"}, "ACTIVE")])
def test_threads_of_a_command_sleep_while_they_wait_unless_told_otherwise(given, expected):
    code = (
        "import os, sys; from latentlab.cli import main; code = main(['recipes', '--json']);"
        "print(os.environ['OMP_WAIT_POLICY'], 'torch' in sys.modules, code, file=sys.stderr)"
    )
    environment = {name: value for name, value in os.environ.items() if name != "OMP_WAIT_POLICY"} | given
    ended = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True)
    assert ended.stderr.split() == [expected, "False", "0"]
