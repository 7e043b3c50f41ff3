# SPDX-License-Identifier: Apache-2.0
"""Where a training step's time goes: `python -m suite.profile MODEL_FOLDER BATCHxLENGTH [STEPS THREADS]`; needs perf.

Samples of the main thread alone, which takes part in every operation: its time is the step's. Names of libtorch's and
MKL's own functions are sorted into operations.
"""

import collections
import os
import re
import signal
import subprocess
import sys
import tempfile
import time

from .processes import Process

KINDS = [
    ("matrix products", r"gemm|mkl_blas|xerbla|dnnl|brgemm|jit_"),
    ("AdamW", r"adam"),
    ("attention", r"flash|attention|sdpa|softmax"),
    ("waiting for the other thread", r"libgomp|sched_yield|futex"),
    ("gradient norm", r"norm_kernel|linalg.*norm"),
    ("RMSNorm, rotation, SwiGLU (ours)", r"ct::\w+::(rmsNorm|rotate|swiglu)"),
    ("loss (ours)", r"ct::\w+::(largest|exponentials|divergence|scale|dot|sum)|ct::Losses"),
    ("embedding gradient (ours)", r"ct::\w+::axpy"),
    ("page faults and the kernel", r"kernel\.|\[k\]|clear_page|page_fault"),
    ("copies, fills and sums", r"copy|fill|add_kernel|sum_kernel|memset|memmove|memcpy|index"),
    ("dispatch, autograd, allocation", r""),
]


def kind(symbol):
    return next(name for name, pattern in KINDS if re.search(pattern, symbol))


def main():
    model, shape = sys.argv[1:3]
    steps, threads = (int(value) for value in (sys.argv[3:5] + ["10", "2"])[:2])
    batch, length = shape.split("x")
    worker = Process("ours", "step", {"model": model, "batch": batch, "length": length, "threads": threads})
    worker.read()
    for _ in range(2):
        worker.go()
        worker.read()
    with tempfile.TemporaryDirectory() as folder:
        data, pid = folder + "/perf.data", worker.process.pid
        command = ["perf", "record", "-q", "-e", "cpu-clock", "-F", "999", "-t", str(pid), "-o", data]
        perf = subprocess.Popen(command)
        time.sleep(0.5)
        seconds = []
        for _ in range(steps):
            worker.go()
            seconds.append(worker.read()["seconds"])
        perf.send_signal(signal.SIGINT)
        perf.wait()
        script = subprocess.run(["perf", "script", "-i", data, "-F", "ip,sym,dso"], capture_output=True, text=True).stdout
    worker.finish()
    counts = collections.Counter(kind(line) for line in script.splitlines() if line.strip())
    step = sorted(seconds)[len(seconds) // 2]
    print(f"step {shape}: {1000 * step:.0f} ms (median of {steps}; load {os.getloadavg()[0]:.1f})")
    for name, count in counts.most_common():
        print(f"  {100 * count / counts.total():5.1f} %  {1000 * step * count / counts.total():6.0f} ms  {name}")
    if "--symbols" in sys.argv:
        rest = collections.Counter(line.split(maxsplit=1)[1][:400] for line in script.splitlines() if line.strip())
        for line, count in rest.most_common(45):
            print(f"  {100 * count / rest.total():5.1f} %  [{kind(line)}] {line}")


main()
