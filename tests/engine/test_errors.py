"""What stops a test before the network is one error with an id and the values of its text."""

from __future__ import annotations

import pytest

from smtpcheck.engine.errors import EngineError, Refused
from smtpcheck.engine.replies import Unreadable
from smtpcheck.engine.session import StageFailed
from smtpcheck.engine.tls import HandshakeFailed


def test_a_refusal_carries_its_diagnosis_and_parameters() -> None:
    refused = Refused("config.port-range", port=70000)
    assert refused.diagnosis_id == "config.port-range"
    assert refused.parameters == {"port": 70000}


def test_a_refusal_says_what_it_knows() -> None:
    assert str(Refused("config.scheme")) == "config.scheme"
    assert str(Refused("config.port-range", port=0)) == "config.port-range (port=0)"


def test_a_refusal_is_a_value_error() -> None:
    with pytest.raises(ValueError, match=r"config\.scheme"):
        raise Refused("config.scheme")


@pytest.mark.parametrize("error", [Refused, Unreadable, StageFailed, HandshakeFailed])
def test_all_errors_of_the_engine_are_one_family(error: type[Exception]) -> None:
    assert issubclass(error, EngineError)
