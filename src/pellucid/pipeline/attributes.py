# SPDX-License-Identifier: BSD-3-Clause
"""What a step's summary says about its product; what it leaves unsaid follows from the leading input."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from pellucid.archive.lineage import JSON
from pellucid.archive.product import Product
from pellucid.errors import ConfigurationError
from pellucid.pipeline.step import Step

__all__ = ["Attributes", "attributes", "inherited"]

_NAMES = ("obs_id", "telescopes", "device", "time_start", "time_stop")


@dataclass(frozen=True)
class Attributes:
    """Attributes of a product, as `pellucid.archive.Product` has them."""

    obs_id: int | None
    telescopes: tuple[int, ...]
    device: str | None
    time_start: int | None
    time_stop: int | None
    flags: tuple[str, ...]
    summary: dict[str, JSON]


def attributes(
    step: Step,
    summary: Mapping[str, JSON],
    inputs: Mapping[str, Sequence[Product]],
    flags: Sequence[str] = (),
) -> Attributes:
    """Return what a summary says, else what the leading input says, and the rest of the summary.

    Parameters
    ----------
    step : Step
        What was run.
    summary : mapping
        What its function returned.
    inputs : mapping of str to sequence of Product
        What it was given.
    flags : sequence of str
        Further flags.

    Raises
    ------
    ConfigurationError
        A known key has a value of another kind (``bad-summary``).
    """
    rest = {**inherited(step, inputs), **summary}

    def number(name: str) -> int | None:
        value = rest.pop(name, None)
        if value is None or (isinstance(value, int) and not isinstance(value, bool)):
            return value
        raise _bad_summary(step, name, "a whole number or nothing", value)

    def several[T: (int, str)](name: str, of: type[T], what: str) -> tuple[T, ...]:
        values = rest.pop(name, None) or []
        if isinstance(values, list):
            fitting = [v for v in values if isinstance(v, of) and not isinstance(v, bool)]
            if len(fitting) == len(values):
                return tuple(fitting)
        raise _bad_summary(step, name, what, values)

    device = rest.pop("device", None)
    if not (device is None or isinstance(device, str)):
        raise _bad_summary(step, "device", "a text or nothing", device)
    return Attributes(
        obs_id=number("obs_id"),
        telescopes=tuple(sorted(set(several("telescopes", int, "a list of whole numbers")))),
        device=device,
        time_start=number("time_start"),
        time_stop=number("time_stop"),
        flags=tuple(dict.fromkeys((*several("flags", str, "a list of texts"), *flags))),
        summary=rest,
    )


def inherited(step: Step, inputs: Mapping[str, Sequence[Product]]) -> dict[str, JSON]:
    """Return what a product has of its step's leading input, or of all inputs of the first role."""
    role = step.leader or next(iter(step.roles), None)
    leading = inputs.get(role, ()) if role is not None else ()
    if not leading:
        return {}
    found: dict[str, JSON] = {}
    for name in _NAMES[:3]:
        values = {getattr(product, name) for product in leading}
        found[name] = values.pop() if len(values) == 1 else None
    found["telescopes"] = sorted({t for product in leading for t in product.telescopes})
    starts = [p.time_start for p in leading if p.time_start is not None]
    stops = [p.time_stop for p in leading if p.time_stop is not None]
    if starts and stops:
        found["time_start"], found["time_stop"] = min(starts), max(stops)
    return found


def _bad_summary(step: Step, name: str, expected: str, got: JSON) -> ConfigurationError:
    return ConfigurationError(
        f"The step '{step.name}' returned an ill-formed summary.",
        where=f"{step.function}, key '{name}'",
        expected=expected,
        got=repr(got),
        mend="report this to the author of the step",
        code="bad-summary",
    )
