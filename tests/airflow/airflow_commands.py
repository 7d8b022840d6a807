"""Airflow's commands one after another, each in a fork of one process that has loaded Airflow: a command in a process
of its own takes four seconds of the CPU's time, and most of that is loading.

As a program it reads a command from each line of its standard input, as a JSON list of words, and writes the exit code.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import traceback
from collections.abc import Mapping
from pathlib import Path

__all__ = ["AirflowCommands"]


class AirflowCommands:
    """A process for the commands of one Airflow, whose settings are in ``env``. It ends when it is closed."""

    def __init__(self, env: Mapping[str, str], log: Path) -> None:
        self.log = log
        log.parent.mkdir(parents=True, exist_ok=True)
        with log.open("ab") as told:
            self._process = subprocess.Popen(
                [sys.executable, __file__],
                env=dict(env),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=told,
                text=True,
            )

    def run(self, *words: str) -> None:
        """Run one command and wait for its success."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        print(json.dumps(words), file=self._process.stdin, flush=True)
        code = self._process.stdout.readline().strip()
        assert code == "0", f"{words} ended with {code or 'its process'}: {self.log.read_text()[-3000:]}"

    def close(self) -> None:
        self._process.communicate()


def _serve() -> None:
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # what Airflow prints goes to the log
    import airflow.api_fastapi.app
    import airflow.cli.commands.dag_command
    import airflow.cli.commands.db_command
    import airflow.dag_processing.dagbag
    import airflow.serialization.serialized_objects  # noqa: F401
    from airflow.__main__ import main

    for line in sys.stdin:
        child = os.fork()
        if child == 0:
            sys.argv = ["airflow", *json.loads(line)]
            code = 1
            try:
                main()
                code = 0
            except SystemExit as end:
                code = end.code if isinstance(end.code, int) else int(end.code is not None)
            except BaseException:
                traceback.print_exc()
            finally:
                sys.stdout.flush()
                os._exit(code)
        print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), file=answers, flush=True)


if __name__ == "__main__":
    _serve()
