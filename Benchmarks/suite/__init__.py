# SPDX-License-Identifier: Apache-2.0
"""Runs dist2's workers and the peers' in turns and compares them. Standard library only."""
