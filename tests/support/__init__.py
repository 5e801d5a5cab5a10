# SPDX-License-Identifier: BSD-3-Clause
"""What several test modules share."""
