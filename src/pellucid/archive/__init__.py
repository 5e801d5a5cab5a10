# SPDX-License-Identifier: BSD-3-Clause
"""The archive: content-addressed bytes, an index of products, and their lineage."""
