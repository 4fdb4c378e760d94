"""The log: an event is a line, whatever is in it."""

import json
import logging

import pytest
import structlog
from hypothesis import given
from hypothesis import strategies as st
from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser

from shared.runtime.log import configure_log, escape_control_characters
from shared.runtime.settings import BaseSettings

pytestmark = pytest.mark.usefixtures("log_as_it_was")


@given(st.text(), st.text())
def test_no_value_can_begin_a_second_line(event: str, value: str) -> None:
    escaped = escape_control_characters(None, "info", {"event": event, "value": value, "n": 1})
    assert len(str(escaped["event"]).splitlines()) <= 1
    assert len(str(escaped["value"]).splitlines()) <= 1
    assert escaped["n"] == 1


def test_our_events_and_those_of_libraries_look_alike(capsys: pytest.CaptureFixture[str]) -> None:
    configure_log(BaseSettings(log_format="json"))
    structlog.stdlib.get_logger("homin.test").info("joined", room="кухня", name="a\nforged")
    logging.getLogger("a.library").warning("lost %s", "it")
    ours, theirs = [json.loads(line) for line in capsys.readouterr().err.splitlines()]
    assert (ours["event"], ours["room"], ours["level"]) == ("joined", "кухня", "info")
    assert ours["name"] == "a\\nforged"
    assert (theirs["event"], theirs["logger"], theirs["level"]) == ("lost it", "a.library", "warning")


def test_below_its_level_the_log_is_silent(capsys: pytest.CaptureFixture[str]) -> None:
    configure_log(BaseSettings(log="warning"))
    structlog.stdlib.get_logger("homin.test").info("quiet")
    logging.getLogger("a.library").info("quiet")
    assert capsys.readouterr().err == ""


def test_a_traceback_shows_no_values(capsys: pytest.CaptureFixture[str]) -> None:
    secret = "correct" + " " + "horse"  # so that the source line in the traceback does not hold it

    def sign_in(password: str) -> None:
        raise RuntimeError("broken" if password else "")

    for log_format in ("console", "json"):
        configure_log(BaseSettings.model_validate({"log_format": log_format}))
        try:
            sign_in(secret)
        except RuntimeError:
            structlog.stdlib.get_logger("homin.test").exception("failed")
        shown = capsys.readouterr().err
        assert "RuntimeError: broken" in shown
        assert secret not in shown


def test_an_error_in_the_reader_of_amqp_that_is_no_lost_line_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    configure_log(BaseSettings())
    reader = logging.getLogger("aiormq.connection")
    reader.warning("Cancelling cause reader exited abnormally", exc_info=ConnectionResetError("gone"))
    assert capsys.readouterr().err == ""
    reader.warning("Cancelling cause reader exited abnormally", exc_info=ValueError("a bug"))
    assert "ValueError: a bug" in capsys.readouterr().err


def test_a_form_that_cannot_be_read_leaves_no_line(capsys: pytest.CaptureFixture[str]) -> None:
    configure_log(BaseSettings())
    with pytest.raises(FormParserError):
        MultipartParser(b"b", {}).write(b"--b\r\n=\r\n")
    assert capsys.readouterr().err == ""
