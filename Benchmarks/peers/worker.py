# SPDX-License-Identifier: Apache-2.0
"""The worker's side of the suite's conversation; Sources/dist2-bench/Worker.swift is the same in Swift."""

import json
import os
import sys
import time


class Worker:
    def __init__(self):
        # Libraries print to standard output now and then; the conversation has a descriptor of its own.
        self.out = os.fdopen(os.dup(1), "w", buffering=1)
        os.dup2(2, 1)

    def ready(self):
        self.say(rss_kib=memory("VmRSS"))

    def next(self):
        return bool(sys.stdin.readline())

    def now(self):
        """The time by the clock, and by the seconds that processors have spent on this process."""
        return time.perf_counter(), time.process_time()

    def answer(self, start, check):
        wall, cpu = self.now()
        self.say(seconds=wall - start[0], cpu=cpu - start[1], check=float(check))

    def serve(self, work):
        self.ready()
        while self.next():
            start = self.now()
            check = work()
            self.answer(start, check)

    def leave(self):
        self.say(peak_kib=memory("VmHWM"))

    def say(self, **values):
        print(json.dumps(values), file=self.out, flush=True)


def memory(key):
    with open("/proc/self/status") as status:
        return float(next(line.split()[1] for line in status if line.startswith(key + ":")))
