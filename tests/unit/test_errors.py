"""Errors keep their parts, also on their way from another process."""

from __future__ import annotations

import pickle

import pytest

from tmkb import errors
from tmkb.engines.rl_refused import AxiomError

KINDS = [kind for kind in vars(errors).values() if isinstance(kind, type) and issubclass(kind, errors.TmkbError)]


@pytest.mark.parametrize("kind", KINDS)
def test_an_error_survives_another_process(kind: type[errors.TmkbError]) -> None:
    """Code, message, place, hint and exit code."""
    error = kind("E-FILE", "cannot be read", where="a.ttl:1", hint="look at it")
    again = pickle.loads(pickle.dumps(error))
    assert type(again) is kind and str(again) == str(error) and again.exit_code == error.exit_code


def test_an_error_with_more_to_say_survives_as_what_is_shown() -> None:
    """An axiom that is refused."""
    error = AxiomError(("<x:s>", "<x:p>", "<x:o>"), "say it otherwise")
    assert str(pickle.loads(pickle.dumps(error))) == str(error)
