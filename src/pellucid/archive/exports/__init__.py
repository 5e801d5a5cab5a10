# SPDX-License-Identifier: BSD-3-Clause
"""What the archive knows, in the forms that others read."""
