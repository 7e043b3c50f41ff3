# SPDX-License-Identifier: Apache-2.0
"""Texts for the tokenizers, made of what every machine with Python has."""

import pydoc_data.topics
import random


def english():
    """The manual that comes with Python, in pieces of about 1,500 characters."""
    pieces = [""]
    for paragraph in "\n\n".join(text for _, text in sorted(pydoc_data.topics.topics.items())).split("\n\n"):
        if len(pieces[-1]) > 1500:
            pieces.append("")
        pieces[-1] += paragraph + "\n\n"
    return pieces


def digits():
    rng = random.Random(1)
    return [
        "\n".join(
            f"x = {rng.uniform(-9, 9):.4f}, y = {rng.randrange(10**6)}: {rng.randrange(1000)},{rng.randrange(1000)},"
            f"{rng.randrange(1000)}; {rng.randrange(100)}/{rng.randrange(1, 100)} -> {rng.random():.2e}"
            for _ in range(25)
        )
        for _ in range(300)
    ]


def write(folder):
    """Files of the texts by name, a zero byte between documents."""
    paths = {}
    for name, texts in (("english", english()), ("digits", digits())):
        paths[name] = f"{folder}/{name}.txt"
        with open(paths[name], "w", encoding="utf-8") as file:
            file.write("\0".join(texts))
    return paths
