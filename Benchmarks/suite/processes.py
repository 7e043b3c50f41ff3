# SPDX-License-Identifier: Apache-2.0
"""Worker processes and the conversation with them: a line `go`, an answer in JSON."""

import json
import os
import pathlib
import select
import subprocess
import sys
import time

FOLDER = pathlib.Path(__file__).parent.parent
OURS = FOLDER / ".build/release/dist2-bench"
# One line each side could set itself: glibc then keeps freed memory instead of faulting it in again.
KEEP = {"MALLOC_MMAP_THRESHOLD_": "4294967296", "MALLOC_TRIM_THRESHOLD_": "17179869184"}


class Failure(Exception):
    """A worker that did not do what it was asked; the text is the row's reason."""


class Process:
    """One worker. `side` is "ours" or "peer"."""

    def __init__(self, side, operation, settings, environment=None, patience=240):
        command = [str(OURS)] if side == "ours" else [sys.executable, "-m", "peers"]
        arguments = [f"{key}={value}" for key, value in settings.items()]
        self.patience, self.started, self.rest = patience, time.perf_counter(), b""
        self.process = subprocess.Popen(
            [*command, operation, *arguments],
            cwd=FOLDER,
            env={**os.environ, "HF_HUB_OFFLINE": "1", "TOKENIZERS_PARALLELISM": "false", **(environment or {})},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        os.set_blocking(self.process.stderr.fileno(), False)
        self.errors = b""

    def go(self):
        self.process.stdin.write(b"go\n")
        self.process.stdin.flush()

    def read(self):
        """The next line's object."""
        out, err = self.process.stdout.fileno(), self.process.stderr.fileno()
        end = time.monotonic() + self.patience
        while b"\n" not in self.rest:
            ready, _, _ = select.select([out, err], [], [], max(0, end - time.monotonic()))
            if not ready:
                raise Failure(f"no answer within {self.patience} s")
            if err in ready:
                self.errors = (self.errors + (os.read(err, 1 << 16) or b""))[-4096:]
            if out in ready:
                data = os.read(out, 1 << 16)
                if not data:
                    raise Failure(self.last_words())
                self.rest += data
            elif err in ready and self.process.poll() is not None:
                raise Failure(self.last_words())
        line, self.rest = self.rest.split(b"\n", 1)
        return json.loads(line)

    def last_words(self):
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            pass
        self.errors += self.process.stderr.read() or b""
        lines = self.errors.decode(errors="replace").strip().splitlines()
        return lines[-1][:200] if lines else f"ended with status {self.process.poll()}"

    def seconds(self):
        """Since the process was asked for."""
        return time.perf_counter() - self.started

    def faults(self):
        """Minor page faults so far: memory taken from the system, or given back and taken again."""
        with open(f"/proc/{self.process.pid}/stat") as file:
            return int(file.read().rsplit(")", 1)[1].split()[7])

    def finish(self):
        """Greatest resident memory in KiB."""
        self.process.stdin.close()
        peak = self.read()["peak_kib"]
        self.process.wait(self.patience)
        self.process.stdout.close()
        self.process.stderr.close()
        return peak

    def abandon(self):
        self.process.kill()
        self.process.wait()
