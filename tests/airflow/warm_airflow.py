"""Airflow's commands and components, each a fork of one process that has loaded Airflow: in a process of its own each
takes four seconds of the CPU's time, and most of that is loading.

As a program it reads from each line of its standard input what to start or which process to look at, and answers with a
line: both JSON.
"""

from __future__ import annotations

import gc
import json
import os
import signal
import subprocess
import sys
import time
import traceback
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NoReturn

from airflow_integrations.demo.components import Components
from airflow_integrations.demo.processes import Processes, Started

__all__ = ["warm"]


def warm(components: Components) -> Components:
    """The same, whose commands and components are forks of one process. Before anything is started."""
    components.processes = _WarmProcesses(components.processes.logs)
    return components


class _WarmProcesses(Processes):
    """Processes of one Airflow. What they load is loaded once, with the environment of the first of them; any other
    program is started as usual.

    The demo and the production set-up start theirs as their users do.
    """

    _source: _Source | None = None

    def _begin(
        self, command: Sequence[str], env: Mapping[str, str], cwd: Path | None, log: Path, group: int
    ) -> Started:
        if list(command[:3]) != [sys.executable, "-m", "airflow"]:
            return super()._begin(command, env, cwd, log, group)
        if self._source is None:
            self._source = _Source(env, self.log("loading"))
        return self._source.fork(command[3:], env, cwd, log, group)

    def stop(self, patience: float = 5) -> None:
        super().stop(patience)
        if self._source is not None:
            self._source.close()
            self._source = None


class _Source:
    """The process that has loaded Airflow."""

    def __init__(self, env: Mapping[str, str], log: Path) -> None:
        with log.open("ab") as told:
            self._process = subprocess.Popen(
                [sys.executable, __file__],
                env=dict(env),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=told,
                text=True,
            )

    def fork(self, words: Sequence[str], env: Mapping[str, str], cwd: Path | None, log: Path, group: int) -> _Forked:
        what = {"words": list(words), "env": dict(env), "cwd": str(cwd or Path.cwd()), "log": str(log), "group": group}
        return _Forked(self, self.ask(what))

    def ask(self, what: Any) -> Any:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        print(json.dumps(what), file=self._process.stdin, flush=True)
        return json.loads(self._process.stdout.readline())

    def close(self) -> None:
        self._process.communicate()


class _Forked:
    """One of its children, as ``subprocess.Popen`` shows it."""

    def __init__(self, source: _Source, pid: int) -> None:
        self.pid = pid
        self._source = source
        self._code: int | None = None

    def poll(self) -> int | None:
        if self._code is None:
            self._code = self._source.ask(self.pid)
        return self._code

    def wait(self, timeout: float | None = None) -> int:
        end = None if timeout is None else time.monotonic() + timeout
        while (code := self.poll()) is None:
            if end is not None and time.monotonic() > end:
                raise subprocess.TimeoutExpired(str(self.pid), timeout or 0)
            time.sleep(0.02)
        return code

    def kill(self) -> None:
        if self.poll() is None:
            os.kill(self.pid, signal.SIGKILL)


def _serve() -> None:
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # what Airflow prints goes to the log
    # Airflow runs its hook for local settings (airflow_preload.py) as it is loaded, and in no fork again.
    sys.argv = ["airflow", "scheduler"]
    _load()
    ended: dict[int, int] = {}

    def reap(*_: object) -> None:
        while True:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return
            if not pid:
                return
            ended[pid] = os.waitstatus_to_exitcode(status)

    signal.signal(signal.SIGCHLD, reap)  # nobody is left a zombie: a test may wait until it is no more
    for line in sys.stdin:
        what = json.loads(line)
        if isinstance(what, int):
            answer = ended.get(what)
        elif (answer := os.fork()) == 0:
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            answers.close()
            _run(**what)
        print(json.dumps(answer), file=answers, flush=True)


def _load() -> None:
    """What the commands and components load. The API server's application is not made: it is each process's own."""
    gc.disable()  # all of it stays
    import airflow.api_fastapi.app
    import airflow.api_fastapi.core_api.app
    import airflow.api_fastapi.execution_api.app
    import airflow.api_fastapi.execution_api.routes
    import airflow.callbacks.database_callback_sink
    import airflow.cli.cli_parser
    import airflow.cli.commands.api_server_command
    import airflow.cli.commands.dag_command
    import airflow.cli.commands.dag_processor_command
    import airflow.cli.commands.db_command
    import airflow.cli.commands.scheduler_command
    import airflow.cli.commands.triggerer_command
    import airflow.dag_processing.dagbag
    import airflow.executors.local_executor
    import airflow.migrations.utils
    import airflow.providers.openlineage.plugins.openlineage
    import airflow.serialization.serialized_objects
    import airflow.utils.serve_logs  # noqa: F401
    import alembic.command  # noqa: F401

    import airflow_integrations.airflow.plugin  # noqa: F401

    gc.collect()
    gc.freeze()
    gc.enable()
    gc.set_threshold(
        50_000
    )  # to make the API server's routes took a quarter longer with a look at them each 700 objects


def _run(words: list[str], env: dict[str, str], cwd: str, log: str, group: int) -> NoReturn:
    """As ``python -m airflow`` does it, with this environment, in this folder and process group."""
    code = 1
    try:
        os.setpgid(0, group)
        nothing, output = os.open(os.devnull, os.O_RDONLY), os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        os.dup2(nothing, 0)
        os.dup2(output, 1)
        os.dup2(output, 2)
        os.chdir(cwd)
        os.environ.clear()
        os.environ.update(env)
        sys.path[0] = cwd
        sys.argv = ["airflow", *words]

        from airflow import settings
        from airflow.__main__ import main
        from airflow.configuration import conf

        if conf.get("database", "sql_alchemy_conn") != settings.SQL_ALCHEMY_CONN:
            settings.configure_vars()
            settings.configure_orm()
        main()
        code = 0
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else int(end.code is not None)
    except BaseException:
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


if __name__ == "__main__":
    _serve()
