# SPDX-License-Identifier: BSD-3-Clause
"""The interface files, one an interface. The number of an interface tells where it belongs.

The first digit is the sub-system: 0 camera, 1 drive and pointing, 2 optics and muons, 3 atmosphere, 5 array
control. Of the camera 0001 is pedestals, 0002 flat-field, 0003 single photo-electrons, 0004 time; 1001 drive
and pointing; 2001 muon events. Of the atmosphere 300x are LIDARs, 301x cameras and photometers that look at
stars, 302x weather stations, 303x profiles of molecules, 32xx implementations of algorithms. I-DATA-COM-0006
keeps the number that it was given first, before there were sub-systems.
"""

__all__: list[str] = []
