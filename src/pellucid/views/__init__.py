# SPDX-License-Identifier: BSD-3-Clause
"""Pictures and static pages of products and nights."""
