# SPDX-License-Identifier: Apache-2.0
"""What was measured on, and with which versions."""

import importlib.metadata
import os
import platform
import subprocess

from .processes import FOLDER

PACKAGES = ["torch", "transformers", "trl", "accelerate", "tokenizers", "ntloss"]


def first_line(*command):
    try:
        return subprocess.run(command, capture_output=True, text=True, cwd=FOLDER).stdout.splitlines()[0].strip()
    except (OSError, IndexError):
        return "unknown"


def cpu_field(name):
    with open("/proc/cpuinfo") as file:
        return next((line.split(":", 1)[1].strip() for line in file if line.startswith(name)), platform.machine())


def machine():
    flags = cpu_field("flags").split()
    level = "avx512" if "avx512f" in flags else "avx2" if "avx2" in flags else "baseline"
    pages = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    return {
        "cpu": cpu_field("model name"), "cores": os.cpu_count(), "level": level, "memory_gib": round(pages / 2**30),
        "kernel": platform.release(), "load_before": os.getloadavg()[0],
    }


def versions():
    found = {"python": platform.python_version(), "swift": first_line("swift", "--version")}
    for package in PACKAGES:
        try:
            found[package] = importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:
            found[package] = "not installed"
    return found


def commit():
    name = first_line("git", "rev-parse", "--short", "HEAD")
    changed = subprocess.run(["git", "diff", "--quiet", "HEAD"], cwd=FOLDER, stderr=subprocess.DEVNULL).returncode == 1
    return name + ("-modified" if changed else "")
