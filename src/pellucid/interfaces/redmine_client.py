# SPDX-License-Identifier: BSD-3-Clause
"""The client of a Redmine server, and what its failures mean to a user."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from pellucid.errors import ConfigurationError, IntermittentError, PellucidError

__all__ = ["Refused", "connect", "no_redmine", "redmine_errors"]

TIMEOUT = 60.0
"""Seconds until an answer that does not come counts as none."""


class Refused(Exception):
    """Redmine does not take a value; the text says why."""


def connect(url: str, key: str) -> Any:
    """Return a client of python-redmine, whose requests end after a while.

    Raises
    ------
    ConfigurationError
        The package is not installed (``no-python-redmine``).
    """
    try:
        from redminelib import Redmine
        from redminelib.engines import DefaultEngine
    except ImportError:
        raise ConfigurationError(
            "The package python-redmine is not installed.",
            mend="pip install 'pellucid[redmine]'",
            code="no-python-redmine",
        ) from None

    class Engine(DefaultEngine):  # type: ignore[misc]
        def request(self, method: str, url: str, **kwargs: Any) -> Any:
            data = self.construct_request_kwargs(
                method, kwargs.get("headers"), kwargs.get("params"), kwargs.get("data")
            )
            return self.process_response(self.session.request(method, url, timeout=TIMEOUT, **data))

    return Redmine(url, key=key, engine=Engine)


@contextmanager
def redmine_errors(url: str) -> Iterator[None]:
    """Turn failures of the client into errors that a user can act on.

    Raises
    ------
    IntermittentError
        Redmine does not answer (``redmine-down``) or fails (``redmine-failed``).
    ConfigurationError
        The key is not known (``redmine-key``) or may not do this (``redmine-read-only``), or what answers is
        no Redmine (``no-redmine``).
    Refused
        It does not take a value.
    """
    import requests
    from redminelib import exceptions as failures

    try:
        yield
    except (PellucidError, Refused):
        raise
    except failures.ValidationError as error:
        raise Refused(str(error)) from None
    except failures.AuthError:
        raise ConfigurationError(
            "Redmine does not know the API key.",
            where=url,
            mend="put the key of 'My account' into PELLUCID_REDMINE_KEY or the file of --key-file",
            code="redmine-key",
        ) from None
    except failures.ForbiddenError:
        raise ConfigurationError(
            "The API key may not do this in Redmine.",
            where=url,
            expected="a role that may view, add and edit issues, relations, watchers, time and categories",
            mend="use the key of a member with such a role; pull needs only the right to view",
            code="redmine-read-only",
        ) from None
    except failures.ResourceNotFoundError:
        raise Refused("Redmine does not have it any more") from None
    except (requests.ConnectionError, requests.Timeout) as error:
        raise IntermittentError(
            "Redmine does not answer.",
            where=url,
            got=type(error).__name__,
            mend="check the URL and the network, then run the same again: it goes on where it stopped",
            code="redmine-down",
        ) from None
    except (failures.ServerError, failures.UnknownError) as error:
        raise IntermittentError(
            "Redmine failed.",
            where=url,
            got=str(error),
            mend="see Redmine's log, then run the same again: it goes on where it stopped",
            code="redmine-failed",
        ) from None
    except (failures.BaseRedmineError, requests.RequestException) as error:
        raise no_redmine(url, str(error) or type(error).__name__) from None


def no_redmine(url: str, got: str) -> ConfigurationError:
    """Return the error about a server that is something else."""
    return ConfigurationError(
        "What answers is no Redmine, or not at this URL.",
        where=url,
        got=got,
        mend="give the URL of its start page, e.g. https://redmine.example.org",
        code="no-redmine",
    )
