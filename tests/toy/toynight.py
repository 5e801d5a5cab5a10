# SPDX-License-Identifier: BSD-3-Clause
"""A whole night in miniature: telescopes with pedestals and events, a weather station, three steps.

Its files are a line of JSON each. Steps misbehave for one telescope where a parameter asks for it.
"""

import json
import os
import random
import resource
import signal
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import tables

from pellucid.errors import InsufficientStatistics
from pellucid.formats.cover import Cover, Format
from pellucid.pipeline.inputs import Input
from pellucid.pipeline.night import Night
from pellucid.pipeline.parameters import parameter
from pellucid.pipeline.step import Step

NIGHT = 20261122
START = Night(NIGHT).span[0] + 8 * 3600 * 10**9
MINUTE = 60 * 10**9

PEDESTAL, BASELINE = "DL0/Monitoring/Telescope/ToyPedestal", "DL1/Monitoring/Telescope/ToyBaseline"
EVENTS, IMAGES = "DL0/Event/Telescope/ToyEvents", "DL1/Event/Telescope/ToyImages"
WEATHER, ARRAY = "DL0/Monitoring/Subarray/ToyWeather", "DL2/Event/Subarray/ToyArray"


def read(path: Path) -> dict[str, Any]:
    document: dict[str, Any] = json.loads(path.read_text())
    return document


def cover(path: Path) -> Cover:
    toy = read(path)
    telescopes = (toy["tel"],) if toy["tel"] else ()
    return Cover(
        obs_id=toy["obs"],
        telescopes=telescopes,
        device=toy["device"],
        time_start=toy["start"],
        time_stop=toy["stop"],
    )


def write(output: Path, provenance: Mapping[str, Any], **content: Any) -> None:
    output.write_text(json.dumps({**content, "provenance": provenance}, sort_keys=True))


def baseline(inputs: Any, output: Path, parameters: Any, provenance: Any) -> dict[str, Any]:
    values = read(inputs["pedestals"])["values"]
    if len(values) < parameters["fewest"]:
        raise InsufficientStatistics(
            "Too few pedestals.", expected=str(parameters["fewest"]), got=str(len(values))
        )
    write(output, provenance, mean=sum(values) / len(values))
    return {}


def wait(inputs: Any, output: Path, parameters: Any, provenance: Any) -> dict[str, Any]:
    time.sleep(0.05)
    return baseline(inputs, output, parameters, provenance)


def images(
    inputs: Any, output: Path, parameters: Any, provenance: Any, *, effort: Mapping[str, int] | None = None
) -> Any:
    toy = read(inputs["events"])
    if parameters["fault"] and toy["tel"] == parameters["fault_tel"]:
        return misbehave(parameters["fault"], output)
    time.sleep(parameters["seconds"])
    mean, size, total = read(inputs["baseline"])["mean"], (effort or {}).get("chunk_events") or 100, 0
    for first in range(0, len(toy["values"]), size):
        total += sum(round(v - mean) for v in toy["values"][first : first + size])
    write(output, provenance, charge=total, threshold=parameters["threshold"])
    return {"charge": total}


def array(inputs: Any, output: Path, parameters: Any, provenance: Any) -> dict[str, Any]:
    weather = read(inputs["weather"])["values"][0] if "weather" in inputs else None
    charges = [read(path)["charge"] for path in inputs["images"]]
    write(output, provenance, charges=charges, weather=weather)
    return {
        "n": len(charges),
        "without": [] if weather is not None else ["the transparency, without weather"],
    }


def misbehave(fault: str, output: Path) -> Any:
    output.write_text("half of it")
    if fault == "raise":
        raise ValueError("shapes (3,) and (4,) do not fit")
    if fault == "deaf":
        signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGALRM])  # as compiled code that never returns
    if fault in ("hang", "deaf"):
        time.sleep(3600)
    if fault == "memory":
        return {"n": len(bytearray(1 << 40))}
    if fault == "greed":
        n = len(b"x" * (1 << 30))
        time.sleep(2.0)  # long enough for whoever looks after the memory from outside
        return {"n": n}
    if fault in ("full", "full-hdf5"):
        fill(output, fault)
    if fault == "die":
        os._exit(9)
    if fault == "nothing":
        output.unlink()
        return {}
    return {"nan": {"value": float("nan")}, "shape": [1, 2], "none": None}[fault]


def fill(output: Path, fault: str) -> None:
    """Write more than there is room for, plainly or through a library; whoever asked gives the room back."""
    resource.setrlimit(resource.RLIMIT_FSIZE, (6 << 20, resource.getrlimit(resource.RLIMIT_FSIZE)[1]))
    if fault == "full":
        output.write_bytes(bytes(16 << 20))
    with tables.open_file(output, "w") as file:
        file.create_array("/", "much", bytes(16 << 20))


STEPS = (
    Step(
        name="toy-baseline",
        version="1",
        function="toynight:baseline",
        inputs={"pedestals": PEDESTAL},
        output=BASELINE,
        format="toy",
        suffix=".json",
        parameters={"fewest": 2},
        valid="6 h",
    ),
    Step(
        name="toy-images",
        version="1",
        function="toynight:images",
        inputs={"events": EVENTS, "baseline": Input(BASELINE, validity=True)},
        output=IMAGES,
        format="toy",
        suffix=".json",
        parameters={
            "threshold": parameter(300.0, "Height above which nothing counts.", unit="m", minimum=0),
            "seconds": 0.0,
            "fault": "",
            "fault_tel": 0,
        },
    ),
    Step(
        name="toy-array",
        version="1",
        function="toynight:array",
        inputs={
            "images": Input(IMAGES, by="array", many=True, minimum=2),
            "weather": Input(WEATHER, required=False, window="30 min"),
        },
        output=ARRAY,
        format="toy",
        suffix=".json",
    ),
)


def file_format(kind: str, product_type: str) -> Format:
    first = f'{{"a": "{kind}"'.encode()
    return Format(f"toy-{kind}", product_type, lambda head: head.startswith(first), cover)


PEDESTAL_FORMAT = file_format("pedestal", PEDESTAL)
EVENTS_FORMAT = file_format("events", EVENTS)
WEATHER_FORMAT = file_format("weather", WEATHER)


def deliver(folder: Path, kind: str, tel: int, minute: float, seed: int = 0, n: int = 20) -> Path:
    """Write one file as its device would."""
    chance = random.Random(f"{kind} {tel} {minute} {seed}")
    start = START + round(minute * MINUTE)
    toy = {
        "a": kind,
        "device": "weather-1" if kind == "weather" else None,
        "obs": int(minute) // 20 if kind == "events" else None,
        "start": start,
        "stop": start + 5 * MINUTE,
        "tel": tel,
        "values": [chance.randrange(100) for _ in range(n)],
    }
    path = folder / f"{kind}_{tel}_{minute:g}_{seed}.toy"
    path.write_text(json.dumps(toy))
    return path


def deliver_night(folder: Path, telescopes: int = 3, runs: int = 2, weather: bool = True) -> list[Path]:
    """Write all files of a night."""
    files = [deliver(folder, "pedestal", tel, 0) for tel in range(1, telescopes + 1)]
    for run in range(runs):
        files += [deliver(folder, "events", tel, 20 * run + 6) for tel in range(1, telescopes + 1)]
        files += [deliver(folder, "weather", 0, 20 * run + 6)] if weather else []
    return files
