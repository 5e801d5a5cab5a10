# SPDX-License-Identifier: BSD-3-Clause
"""The pipeline: steps bind pure algorithms to product types."""
