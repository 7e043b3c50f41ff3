# SPDX-License-Identifier: Apache-2.0
"""A peer's worker: `python -m peers OPERATION key=value …`. Each operation is a module beside this file with `run`."""

import importlib
import sys

from .worker import Worker

settings = dict(argument.split("=", 1) for argument in sys.argv[2:])
worker = Worker()
importlib.import_module("." + sys.argv[1].replace("-", "_"), __package__).run(worker, settings)
worker.leave()
