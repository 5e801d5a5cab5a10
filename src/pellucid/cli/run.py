# SPDX-License-Identifier: BSD-3-Clause
"""Run one command: every way it can end becomes a sentence, or a JSON document, and an exit code."""

import errno
import logging
import os
import sys
import tempfile
import traceback
from collections.abc import Sequence

import click

from pellucid.cli.application import application
from pellucid.cli.output import print_json
from pellucid.errors import IntermittentError, PellucidError, UsageError, nearest

__all__ = ["run"]

INTERRUPTED = 130  # 128 + SIGINT, as shells have it


def run(arguments: Sequence[str]) -> int:
    """Run ``pellucid`` with the given arguments.

    Parameters
    ----------
    arguments : sequence of str
        As typed, without the name of the command.

    Returns
    -------
    int
        The exit code.
    """
    own = [*arguments, "--"]
    own = own[: own.index("--")]
    try:
        code = _invoke(arguments)
        sys.stdout.flush()
    except PellucidError as error:
        return _tell(error, as_json="--json" in own)
    except BrokenPipeError:
        # whoever read us has seen enough; nothing may be written any more, not even at exit
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        return 0
    except OSError as error:
        return _tell(_from_system(error), as_json="--json" in own)
    except click.Abort:
        return INTERRUPTED
    except Exception as error:
        return _tell(_internal(error, debug="--debug" in own), as_json="--json" in own)
    return code


def _invoke(arguments: Sequence[str]) -> int:
    try:
        return application.main(list(arguments), prog_name="pellucid", standalone_mode=False) or 0
    except SystemExit as error:
        # click exits by itself in one case only, when nobody reads standard output any more
        raise BrokenPipeError from error
    except click.exceptions.NoArgsIsHelpError as error:
        print(error.format_message(), file=sys.stderr)
        return UsageError.exit_code
    except click.NoSuchOption as error:
        raise UsageError(
            f"There is no option '{error.option_name}'.",
            where=error.ctx.command_path if error.ctx else "",
            mend=_mend_option(error.option_name, error.ctx),
        ) from error
    except click.ClickException as error:
        path = context.command_path if (context := getattr(error, "ctx", None)) else "pellucid"
        raise UsageError(
            error.format_message(), where=path, mend=f"'{path} --help' tells how it is called"
        ) from error


def _mend_option(option: str, ctx: click.Context | None) -> str:
    """Say what an unknown option should have been, or that it stands behind the verb."""
    known = ["--help"]
    if ctx is not None:
        known += _options(ctx.command)
        if isinstance(ctx.command, click.Group):
            for verb in ctx.command.list_commands(ctx):
                if (command := ctx.command.get_command(ctx, verb)) and option in _options(command):
                    return f"options stand behind the verb, as in '{ctx.command_path} {verb} {option} ...'"
    return nearest(option, known)


def _options(command: click.Command) -> list[str]:
    return [name for parameter in command.params for name in parameter.opts]


def _tell(error: PellucidError, *, as_json: bool) -> int:
    if as_json:
        print_json({"error": error.as_dict()})
    else:
        print(error, file=sys.stderr)
    return error.exit_code


def _from_system(error: OSError) -> PellucidError:
    return IntermittentError(
        "The operating system refused to read or write.",
        where=str(error.filename or ""),
        got=os.strerror(error.errno) if error.errno else str(error),
        mend="free some space" if error.errno == errno.ENOSPC else "check the path, its permissions and disk",
        code="system",
    )


def _internal(error: Exception, *, debug: bool) -> PellucidError:
    trace = "".join(traceback.format_exception(error))
    with tempfile.NamedTemporaryFile("w", prefix="pellucid-", suffix=".log", delete=False) as log:
        log.write(trace)
    if debug:
        logging.getLogger(__name__).error(trace)
    return PellucidError(
        f"Internal error ({type(error).__name__}): the fault is Pellucid's, not yours.",
        mend=f"please report it together with {log.name}",
        code="internal",
    )
