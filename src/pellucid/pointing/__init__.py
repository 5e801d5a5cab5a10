# SPDX-License-Identifier: BSD-3-Clause
"""Where telescopes look: bending of the mount, stars in the camera, the drive's track."""
