# SPDX-License-Identifier: Apache-2.0
"""Random token sequences: the same as Sources/dist2-bench/Decoding.swift's, padded on the left."""

import torch


def make(count, vocabulary, length):
    torch.manual_seed(2)
    ids = torch.randint(0, vocabulary, [count, 64])
    return [ids[row, : length(row)] for row in range(count)]


def padded(rows, width=0):
    """ids and mask, as wide as the longest row, or `width`."""
    width = max([width, *map(len, rows)])
    ids, mask = torch.zeros(len(rows), width, dtype=torch.long), torch.zeros(len(rows), width, dtype=torch.long)
    for index, row in enumerate(rows):
        ids[index, width - len(row) :] = row
        mask[index, width - len(row) :] = 1
    return ids, mask
