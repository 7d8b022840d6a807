"""No process outlives the demo, however it ends."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import psutil
import pytest

from airflow_integrations.demo.processes import ProcessDied, Processes, free_ports

# A child that starts a grandchild in a process group of its own, as Airflow does with tasks, and ignores SIGTERM.
STUBBORN = """
    import os, signal, subprocess, sys, time
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    below = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"], start_new_session=True)
    print(below.pid, flush=True)
    time.sleep(600)
"""


def wait_for(probe, seconds: float = 30):
    end = time.monotonic() + seconds
    while not (found := probe()):
        assert time.monotonic() < end, "it did not happen"
        time.sleep(0.05)
    return found


def gone(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:  # also where it ends between the two calls
        return True


def python(code: str) -> list[str]:
    return [sys.executable, "-c", textwrap.dedent(code)]


def test_stop_ends_children_and_what_they_started(tmp_path: Path):
    processes = Processes(tmp_path)
    processes.start("stubborn", python(STUBBORN), os.environ)
    grandchild = int(wait_for(lambda: processes.log("stubborn").read_text()))
    (child,) = processes.pids
    processes.stop(patience=0.5)
    assert gone(child)
    assert gone(grandchild)
    processes.stop()


def test_a_death_is_reported_with_the_end_of_the_log(tmp_path: Path):
    with Processes(tmp_path) as processes:
        processes.start("frail", python("print('what went wrong'); raise SystemExit(3)"), os.environ)

        def died() -> str:
            try:
                processes.check()
            except ProcessDied as death:
                return str(death)
            return ""

        text = wait_for(died)
    assert "frail ended by itself with exit code 3" in text
    assert "what went wrong" in text


def test_a_step_that_fails_is_told(tmp_path: Path):
    with Processes(tmp_path) as processes:
        processes.run("fine", python("pass"), os.environ, timeout=30)
        with pytest.raises(ProcessDied, match="exit code 2"):
            processes.run("broken", python("raise SystemExit(2)"), os.environ, timeout=30)
        with pytest.raises(ProcessDied, match="did not end"):
            processes.run("slow", python("import time; time.sleep(600)"), os.environ, timeout=0.3)


def test_children_end_when_the_parent_is_killed(tmp_path: Path):
    code = """
        import os, sys, time
        from pathlib import Path
        from airflow_integrations.demo.processes import Processes
        processes = Processes(Path(sys.argv[1]))
        processes.start("child", [sys.executable, "-c", "import time; time.sleep(600)"], os.environ)
        print(processes.pids[0], flush=True)
        time.sleep(600)
    """
    parent = subprocess.Popen([*python(code), str(tmp_path)], stdout=subprocess.PIPE, text=True)
    assert parent.stdout is not None
    child = int(parent.stdout.readline())
    assert not gone(child)
    parent.send_signal(signal.SIGKILL)
    parent.wait()
    parent.stdout.close()
    wait_for(lambda: gone(child))


def test_free_ports_are_different():
    assert len(set(free_ports(20))) == 20
