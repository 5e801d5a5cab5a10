# SPDX-License-Identifier: BSD-3-Clause
"""Molecules beside molecularprofiles, the package that CTAO's simulations take them from."""

import json
import subprocess
from pathlib import Path

import numpy as np
import pytest

from pellucid.atmosphere.molecular import Air, molecular_optics, rayleigh

PYTHON = Path(__file__).resolve().parents[2] / ".peers" / "lidar" / "bin" / "python"
WAVELENGTHS = (355.0, 387.0, 532.0, 607.4, 1064.0)
CO2 = (360.0, 400.0, 440.0)

PEER = """
import json, sys
import astropy.units as u
from molecularprofiles.utils.rayleigh import Rayleigh
out = []
for nm, co2 in json.loads(sys.argv[1]):
    r = Rayleigh(nm * u.nm, co2, 1013.25 * u.hPa, 288.15 * u.K, 0.0 * u.percent)
    out.append((r.scattering_cross_section.to_value("m2"), float(r.king_factor), r.beta.to_value("1/m")))
print(json.dumps(out))
"""


@pytest.mark.full
def test_cross_sections_king_factors_and_extinction_are_equal_to_1e_5() -> None:
    if not PYTHON.exists():
        pytest.skip("no peers here: make peers")
    cases = [(nm, co2) for nm in WAVELENGTHS for co2 in CO2]
    shown = subprocess.run(
        [PYTHON, "-c", PEER, json.dumps(cases)], check=True, capture_output=True, text=True
    )
    air = Air(np.array([0.0, 1.0]), np.full(2, 101325.0), np.full(2, 288.15))
    for (nm, co2), (sigma, king, alpha) in zip(cases, json.loads(shown.stdout.splitlines()[-1]), strict=True):
        ours = rayleigh(nm, co2)
        assert ours.cross_section == pytest.approx(sigma, rel=1e-5), (nm, co2)
        assert ours.king == pytest.approx(king, rel=1e-5), (nm, co2)
        found = molecular_optics(air, nm, co2=co2).extinction[0]
        assert found == pytest.approx(alpha, rel=1e-5), (nm, co2)
