# SPDX-License-Identifier: Apache-2.0
"""What the benchmarks compare dist2 with: the same operations, done as users of the Python packages do them."""
