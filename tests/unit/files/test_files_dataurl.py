"""Data URLs: what is read, and that nothing else is."""

from __future__ import annotations

from base64 import b64encode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.files.core.dataurl import parse
from shared.protocol.errors import ErrorCode, Refused

LIMIT = 1000


@given(
    st.binary(max_size=LIMIT),
    st.sampled_from(["", "image/png", "application/vnd.ms-excel", "text/plain;charset=utf-8"]),
)
def test_what_was_written_is_read(content: bytes, mime: str) -> None:
    found = parse(f"data:{mime};base64,{b64encode(content).decode()}", LIMIT)
    assert found == (mime.partition(";")[0], content)


@given(st.binary(min_size=LIMIT + 1, max_size=LIMIT + 40))
def test_a_byte_too_many_is_too_large(content: bytes) -> None:
    with pytest.raises(Refused) as refused:
        parse(f"data:image/png;base64,{b64encode(content).decode()}", LIMIT)
    assert refused.value.code is ErrorCode.TOO_LARGE


def test_the_size_is_known_before_anything_is_decoded() -> None:
    with pytest.raises(Refused) as refused:
        parse("data:image/png;base64," + "!" * 10_000, LIMIT)
    assert refused.value.code is ErrorCode.TOO_LARGE


@pytest.mark.parametrize(
    "url",
    [
        "", "data:", "data:,", "data:image/png,AAAA", "data:image/png;base64", "data:image;base64,AAAA",
        "data:image/png;base64,AAA", "data:image/png;base64,AA==AA==", "data:image/png;base64,AA=A",
        "data:image/png;base64,AAAA AAAA", "data:image/png;base64,AAAA\n", "data:image/png;base64,AB==",
        "data:image/png;base64,AA-_", "data:image/png;base64,ЯЯЯЯ", "data:image/png;base64,AA%3D%3D",
        "data:image/png\n;base64,AAAA", "data:image/png;x=\"a\"b\";base64,AAAA", " data:image/png;base64,AAAA",
        "data:image/png;base64;base64,AAAA", "data:" + "a" * 2000 + "/b;base64,AAAA", "DATA:image/../png;base64,AAAA",
        "data:image/png;base64,=", "data:image/png;base64,====", "data:i/p" + ";a=b" * 9 + ";base64,AAAA",
    ],
)  # fmt: skip
def test_what_is_not_exactly_a_data_url_is_invalid(url: str) -> None:
    with pytest.raises(Refused) as refused:
        parse(url, LIMIT)
    assert refused.value.code is ErrorCode.INVALID_FRAME


@given(
    st.one_of(st.text(), st.text().map(lambda text: f"data:{text}"), st.text().map(lambda t: f"data:a/b;base64,{t}"))
)
def test_arbitrary_text_is_read_or_refused(url: str) -> None:
    try:
        content = parse(url, LIMIT).content
    except Refused:
        return
    assert url.endswith(b64encode(content).decode())
    assert len(content) <= LIMIT
