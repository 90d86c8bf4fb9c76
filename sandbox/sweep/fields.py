"""Fields: what is wrong with each axis by itself, so that a form can say it where it was written."""

from __future__ import annotations

from sandbox.build.values import Overrides, overridden
from sandbox.engine import Run
from sandbox.language.tree import Param
from sandbox.scenario.model import Axis, Scenario
from sandbox.sweep.design import grid, read_axis
from sandbox.sweep.plan import full_path
from sandbox.sweep.problem import SweepError
from sandbox.sweep.span import Value
from sandbox.units import UnitError


def field_problems(
    params: tuple[tuple[str, str], ...], latin: bool, scenario: Scenario, run: Run | None
) -> dict[str, str]:
    """Return a sentence for each axis that is wrong: how it is written, or a value out of bounds.

    Bounds are known once the scenario itself can run. A value out of bounds costs its own points
    only; what is written wrongly keeps the sweep from running.
    """
    found: dict[str, str] = {}
    for path, text in params:
        full = full_path(path, scenario)
        try:
            axis = read_axis(full, text)
            if not latin:
                grid([axis])
        except SweepError as refused:
            one = refused.diagnostic
            found[path] = f"{one.message}; {one.hint}" if one.hint else one.message
            continue
        values = (
            axis.values if isinstance(axis, Axis) else (axis.write(axis.low), axis.write(axis.high))
        )
        param = _param_of(full, run) if run is not None else None
        wrong = _out_of_bounds(param, values) if param is not None else ""
        if wrong:
            found[path] = f"{wrong}; the runs with it fail"
    return found


def _out_of_bounds(param: Param, values: tuple[Value, ...]) -> str:
    """Return what is wrong with the first value that the parameter does not take."""
    try:
        for value in values:
            overridden(param, value)
    except UnitError as error:
        return str(error)
    return ""


def _param_of(path: str, run: Run) -> Param | None:
    for target, built in run.network.built.items():
        for param in built.loaded.program.params:
            if Overrides({path: 0}).take(target, param)[0]:
                return param
    return None
