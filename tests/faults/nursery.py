"""Processes to order, in milliseconds each: one server has everything imported, and forks.

    python -m tests.faults.nursery     (the tests start it; it takes one JSON request a line and answers each)

A child is a process of its own, with its own descriptors and default signal handlers; killing it is really killing it.
"""

import json
import os
import signal
import subprocess
import sys
import traceback
from importlib import import_module
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
_PRELOADED = ("store.cli.main", "store.cli.intake", "store.cli.casework", "store.cli.work", "store.cli.questions",
              "store.cases", "store.audits", "store.fold", "store.ingest.importing")  # fmt: skip


class Nursery:
    """The tests' side: start children, wait for their ends."""

    def __init__(self) -> None:
        command = [sys.executable, "-m", "tests.faults.nursery"]
        self._server = subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def start(self, function: str, *arguments: object, out: Path, errors: Path) -> int:
        """Run `module:function(*arguments)` in a child of its own; its process id.

        Args:
            function: it returns the exit code, or None for 0.
            arguments: JSON values.
            out: file that its standard output is appended to; `errors` likewise.
        """
        return int(self._ask(["start", function, arguments, str(out), str(errors)]))

    def wait(self, process: int) -> int:
        """Wait until a child has ended: its exit code, or minus the signal that killed it."""
        return int(self._ask(["wait", process]))

    def run(self, function: str, *arguments: object, folder: Path) -> tuple[int, str, str]:
        """Run to the end: exit code, standard output, standard error."""
        out, errors = folder / "out.txt", folder / "errors.txt"
        for file in (out, errors):
            file.write_bytes(b"")
        code = self.wait(self.start(function, *arguments, out=out, errors=errors))
        return code, out.read_text("utf-8"), errors.read_text("utf-8")

    def close(self) -> None:
        """End the server, and with it every child that is left."""
        self._server.communicate()

    def _ask(self, request: list[Any]) -> Any:
        assert self._server.stdin is not None
        assert self._server.stdout is not None
        print(json.dumps(request), file=self._server.stdin, flush=True)
        answer = self._server.stdout.readline()
        assert answer, "the nursery has ended"
        return json.loads(answer)


def _child(function: str, arguments: list[Any], out: str, errors: str) -> int:
    """What a child does; its exit code."""
    nowhere = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nowhere, 0)
    for path, number in ((out, 1), (errors, 2)):
        os.dup2(os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600), number)
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        module, _, name = function.partition(":")
        code = getattr(import_module(module), name)(*arguments)
    except BaseException:
        traceback.print_exc()
        code = 70
    sys.stdout.flush()
    sys.stderr.flush()
    return int(code or 0)


def serve() -> None:
    """The server: it stays single-threaded and opens no database, so that a fork of it is whole."""
    for module in _PRELOADED:
        import_module(module)
    children: set[int] = set()
    for line in sys.stdin:
        what, *request = json.loads(line)
        if what == "start":
            answer = os.fork()
            if answer == 0:
                os._exit(_child(*request))
            children.add(answer)
        else:
            answer = os.waitstatus_to_exitcode(os.waitpid(request[0], 0)[1])
            children.discard(request[0])
        print(answer, flush=True)
    for child in children:
        os.kill(child, signal.SIGKILL)


if __name__ == "__main__":
    serve()
