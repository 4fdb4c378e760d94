"""Ranges and conditions, as RFC 9110 has them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.files.core.ranges import (
    Span,
    Unsatisfiable,
    Verdict,
    http_date,
    parse_range,
    range_applies,
    verdict,
)

SIZE = 10_000
TAG = '"abc"'
AT = 1_750_000_000


@pytest.mark.parametrize(
    ("header", "span"),
    [
        # The examples of section 14.1.2, for a file of 10,000 bytes.
        ("bytes=0-499", Span(0, 500)), ("bytes=500-999", Span(500, 1000)), ("bytes=-500", Span(9500, 10_000)),
        ("bytes=9500-", Span(9500, 10_000)), ("bytes=0-0", Span(0, 1)), ("bytes=9999-", Span(9999, 10_000)),
        ("Bytes=0-0", Span(0, 1)), ("bytes= 0-0 ", Span(0, 1)), ("bytes=0-99999999999999999999999", Span(0, SIZE)),
        ("bytes=-99999999999999999999999", Span(0, SIZE)), ("bytes=00000000000000000000001-2", Span(1, 3)),
    ],
)  # fmt: skip
def test_one_range_is_read(header: str, span: Span) -> None:
    assert parse_range(header, SIZE) == span


@pytest.mark.parametrize(
    "header",
    [
        None,
        "",
        "bytes",
        "bytes=",
        "bytes=-",
        "bytes=2-1",
        "bytes=0-1,3-4",
        "rows=0-1",
        "bytes=a-b",
        "bytes=-1-2",
        "bytes=١-٢",
    ],
)
def test_what_is_no_single_range_of_bytes_gives_the_whole(header: str | None) -> None:
    assert parse_range(header, SIZE) is None


@pytest.mark.parametrize(
    ("header", "size"),
    [
        ("bytes=10000-", SIZE),
        ("bytes=10000-10001", SIZE),
        ("bytes=-0", SIZE),
        ("bytes=0-", 0),
        ("bytes=-1", 0),
        (f"bytes={'9' * 5000}-", SIZE),
    ],
)
def test_what_begins_beyond_the_end_cannot_be_satisfied(header: str, size: int) -> None:
    with pytest.raises(Unsatisfiable):
        parse_range(header, size)


@given(st.integers(0, 50), st.one_of(st.none(), st.integers(0, 60)), st.integers(0, 40))
def test_a_range_is_a_slice(first: int, last: int | None, size: int) -> None:
    content = bytes(range(size))
    try:
        span = parse_range(f"bytes={first}-{'' if last is None else last}", size)
    except Unsatisfiable:
        assert first >= size
    else:
        expected = content[first:] if last is None else content[first : last + 1]
        if span is None:
            assert last is not None
            assert last < first
        else:
            assert content[span.start : span.stop] == expected
            assert span.start < span.stop


@given(st.text(max_size=30), st.integers(0, 100))
def test_an_arbitrary_range_stays_within_the_file(text: str, size: int) -> None:
    for header in (text, f"bytes={text}"):
        try:
            span = parse_range(header, size)
        except Unsatisfiable:
            continue
        assert span is None or 0 <= span.start < span.stop <= size


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        ({}, Verdict.SEND),
        ({"if-none-match": TAG}, Verdict.NOT_MODIFIED),
        ({"if-none-match": f'"x", W/{TAG}'}, Verdict.NOT_MODIFIED),
        ({"if-none-match": "*"}, Verdict.NOT_MODIFIED),
        ({"if-none-match": '"x"'}, Verdict.SEND),
        ({"if-none-match": '"x"', "if-modified-since": http_date(AT)}, Verdict.SEND),
        ({"if-modified-since": http_date(AT)}, Verdict.NOT_MODIFIED),
        ({"if-modified-since": http_date(AT - 1)}, Verdict.SEND),
        ({"if-modified-since": "yesterday"}, Verdict.SEND),
        ({"if-match": TAG}, Verdict.SEND),
        ({"if-match": "*"}, Verdict.SEND),
        ({"if-match": f"W/{TAG}"}, Verdict.FAILED),
        ({"if-match": '"x"'}, Verdict.FAILED),
        ({"if-match": TAG, "if-unmodified-since": http_date(AT - 1)}, Verdict.SEND),
        ({"if-unmodified-since": http_date(AT)}, Verdict.SEND),
        ({"if-unmodified-since": http_date(AT - 1)}, Verdict.FAILED),
        ({"if-unmodified-since": "yesterday"}, Verdict.SEND),
        ({"if-match": TAG, "if-none-match": TAG}, Verdict.NOT_MODIFIED),
    ],
)
def test_conditions_are_weighed_in_their_order(headers: dict[str, str], expected: Verdict) -> None:
    assert verdict(headers, TAG, AT) is expected


@given(st.sampled_from(["if-match", "if-none-match", "if-modified-since", "if-unmodified-since"]), st.text(max_size=60))
def test_an_arbitrary_condition_has_a_verdict(name: str, value: str) -> None:
    assert verdict({name: value}, TAG, AT) in Verdict
    assert range_applies(value, TAG, AT) in (True, False)


@pytest.mark.parametrize(
    ("if_range", "applies"),
    [
        (None, True), (TAG, True), (f"W/{TAG}", False), ('"x"', False), (http_date(AT), True),
        (http_date(AT + 1), False), ("", False),
    ],
)  # fmt: skip
def test_a_part_is_continued_only_of_the_same_file(if_range: str | None, applies: bool) -> None:
    assert range_applies(if_range, TAG, AT) is applies


def test_a_date_is_written_as_http_wants_it() -> None:
    assert http_date(784_111_777) == "Sun, 06 Nov 1994 08:49:37 GMT"
