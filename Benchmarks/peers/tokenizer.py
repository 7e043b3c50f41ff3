# SPDX-License-Identifier: Apache-2.0
"""Tokenizing texts, or (task=load) reading the tokenizer's file, with the `tokenizers` package, on one core as ours."""

import os

os.environ["TOKENIZERS_PARALLELISM"] = "false"
os.environ["RAYON_NUM_THREADS"] = "1"

from tokenizers import Tokenizer  # noqa: E402


def run(worker, settings):
    path = settings["tokenizer"]
    if settings["task"] == "load":
        worker.serve(lambda: Tokenizer.from_file(path).get_vocab_size())
        return
    tokenizer = Tokenizer.from_file(path)
    with open(settings["texts"], encoding="utf-8") as file:
        texts = file.read().split("\0")
    worker.serve(lambda: sum(len(tokenizer.encode(text).ids) for text in texts))
