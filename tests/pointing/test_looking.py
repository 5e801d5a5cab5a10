# SPDX-License-Identifier: BSD-3-Clause
"""Where a telescope looked at a moment: corrected, silent in gaps, and the same after a round trip."""

from dataclasses import replace
from pathlib import Path

import astropy.units as u
import numpy as np
import pytest

from pellucid.errors import CorruptedInput, MissingInput
from pellucid.formats.pointing import read_pointing, write_pointing
from pellucid.pointing.bending import fit_bending
from pellucid.pointing.looking import LookStatus, Pointing
from pellucid.pointing.track import Track
from pellucid.simulate.stars import simulate_sky

S = 1_000_000_000
TIMES = 1_795_471_237 * S + S * np.array([0, 1, 2, 3, 20, 21, 22])


@pytest.fixture(scope="module")
def pointing() -> Pointing:
    azimuth = np.array([358.0, 359.0, 0.0, 1.0, 2.0, 3.0, 4.0]) * u.deg
    track = Track.of(TIMES, azimuth, np.full(7, 60.0) * u.deg)
    return Pointing(track, np.zeros(7), np.array([True] * 6 + [False]), 5.0 * u.s)


@pytest.fixture(scope="module")
def corrected(pointing: Pointing) -> Pointing:
    sky = simulate_sky(np.random.default_rng(1), 60, {"IA": 3600.0, "IE": -360.0}, 5.0)
    model = fit_bending(sky.altitude, sky.azimuth, sky.across, sky.upward, terms=("IA", "IE"))
    return replace(pointing, correction=pointing.track.corrections(model))


def test_moments_have_directions_or_say_why_not(pointing: Pointing) -> None:
    asked = TIMES[0] + S * np.array([-1, 0, 10, 100]) + [0, S + S // 2, 0, 0]
    seen = pointing.at(np.append(asked, TIMES[-1] - S // 2))
    assert seen.status.tolist() == [
        LookStatus.OUTSIDE,
        LookStatus.UNCORRECTED,
        LookStatus.GAP,
        LookStatus.OUTSIDE,
        LookStatus.NOT_TRACKING | LookStatus.UNCORRECTED,
    ]
    assert seen.azimuth.to_value(u.deg) == pytest.approx([np.nan, 359.5, np.nan, np.nan, 3.5], nan_ok=True)
    assert seen.is_known.tolist() == [False, True, False, False, True]
    assert pointing.gaps == 1


def test_the_correction_is_in_the_direction_with_its_error(pointing: Pointing, corrected: Pointing) -> None:
    plain, better = pointing.at(TIMES), corrected.at(TIMES)
    turned = (better.azimuth - plain.azimuth).to_value(u.deg) % 360.0
    assert turned == pytest.approx(np.full(7, 1.0), abs=0.003)
    assert (better.altitude - plain.altitude).to_value(u.deg) == pytest.approx(np.full(7, -0.1), abs=0.003)
    assert ((better.status & LookStatus.UNCORRECTED) == 0).all()
    assert ((better.azimuth_error > 0) & (better.altitude_error > 0)).all()
    assert np.isnan(plain.azimuth_error).all()


def test_a_pointing_comes_back(tmp_path: Path, pointing: Pointing, corrected: Pointing) -> None:
    for name, each in (("plain", pointing), ("better", corrected)):
        write_pointing(tmp_path / name, 4, each, {"step": "x"})
        write_pointing(tmp_path / "again", 4, each, {"step": "x"})
        assert (tmp_path / name).read_bytes() == (tmp_path / "again").read_bytes()
        tel_id, back = read_pointing(tmp_path / name)
        assert tel_id == 4
        moments = np.linspace(TIMES[0] - S, TIMES[-1] + S, 50).astype(np.int64)
        one, other = each.at(moments), back.at(moments)
        assert (one.status == other.status).all()
        for field in ("azimuth", "altitude", "azimuth_error", "altitude_error"):
            same = getattr(one, field).value, getattr(other, field).value
            np.testing.assert_allclose(*same, rtol=1e-13, err_msg=field)
    (tmp_path / "text").write_text("nothing")
    with pytest.raises(CorruptedInput) as error:
        read_pointing(tmp_path / "text")
    assert error.value.code == "bad-pointing"
    with pytest.raises(MissingInput):
        read_pointing(tmp_path / "none")


def test_what_does_not_belong_together_is_refused(pointing: Pointing) -> None:
    with pytest.raises(CorruptedInput) as error:
        replace(pointing, deviation=np.zeros(3))
    assert error.value.code == "other-times"
