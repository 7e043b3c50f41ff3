# SPDX-License-Identifier: Apache-2.0
"""Worker processes and the conversation with them: a line `go`, an answer in JSON."""

import json
import os
import pathlib
import select
import socket
import subprocess
import sys
import time

FOLDER = pathlib.Path(__file__).parent.parent
OURS = pathlib.Path(os.environ.get("DIST2_BENCH", FOLDER / ".build/release/dist2-bench"))
PROGRAM = pathlib.Path(os.environ.get("DIST2", FOLDER.parent / ".build/release/dist2"))
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

    def end_of_input(self):
        self.process.stdin.close()

    def abandon(self):
        self.process.kill()
        self.process.wait()


class Group:
    """Several workers that share each go, as one: `size` of them, that meet at a port of this machine. What the first says
    counts. Each has its part of the cores."""

    def __init__(self, side, operation, settings, environment, patience, size):
        threads = str(max(1, (os.cpu_count() or 1) // size))
        environment = {"OMP_NUM_THREADS": threads, "MKL_NUM_THREADS": threads, **(environment or {})}
        place = {"size": size, "port": free_port()}
        self.members = []
        try:
            for rank in range(size):
                self.members.append(Process(side, operation, {**settings, **place, "rank": rank}, environment, patience))
        except OSError:
            self.abandon()
            raise

    def go(self):
        for member in self.members:
            member.go()

    def read(self):
        return [member.read() for member in self.members][0]

    def seconds(self):
        return self.members[0].seconds()

    def faults(self):
        return sum(member.faults() for member in self.members)

    def finish(self):
        """Greatest resident memory of any of them in KiB. They leave together, so all have to know the end first."""
        for member in self.members:
            member.end_of_input()
        return max(member.finish() for member in self.members)

    def abandon(self):
        for member in self.members:
            member.abandon()


def free_port():
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return found.getsockname()[1]


def start(side, operation, settings, environment=None, patience=240, size=1):
    """A worker, or as one several that share its work."""
    if size == 1:
        return Process(side, operation, settings, environment, patience)
    return Group(side, operation, settings, environment, patience, size)
