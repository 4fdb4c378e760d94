"""What containers hold, by files that real programs made: a document is no mere ZIP, and sound is no film."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Iterable
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.files.core.archives import TAIL_BYTES
from services.files.core.containers import STEPS, Holds, walk_of
from services.files.core.sniff import Sniffer, agrees

MADE = Path(__file__).parent / "made"
OPENXML = "application/vnd.openxmlformats-officedocument."
DOCX, XLSX, PPTX = (f"{OPENXML}{kind}" for kind in (
    "wordprocessingml.document", "spreadsheetml.sheet", "presentationml.presentation",
))  # fmt: skip
APK, JAR, ZIP = "application/vnd.android.package-archive", "application/java-archive", "application/zip"
REAL = {
    "plain.m4a": "audio/mp4", "audio.mp4": "audio/mp4", "audio-frag.mp4": "audio/mp4", "audio.3gp": "audio/3gpp",
    "film.mp4": "video/mp4", "silent.mp4": "video/mp4", "sound.wma": "audio/x-ms-wma", "film.wmv": "video/x-ms-wmv",
    "sound.webm": "audio/webm", "film.webm": "video/webm", "sound.mka": "audio/x-matroska",
    "film.mkv": "video/x-matroska", "sound.ogg": "audio/ogg", "sound.opus": "audio/ogg", "sound-flac.ogg": "audio/ogg",
    "film.ogv": "video/ogg", "vp8.ogv": "video/ogg", "openpyxl.xlsx": XLSX,
}  # fmt: skip


def sniffed(content: bytes, *cuts: int) -> Sniffer:
    sniffer = Sniffer()
    places = sorted({0, *(cut % (len(content) + 1) for cut in cuts), len(content)})
    for start, stop in pairwise(places):
        sniffer.feed(content[start:stop])
    return sniffer


class Pipe(io.RawIOBase):
    """What cannot be gone back in: a program then writes the sizes behind the bytes (APPNOTE.TXT, 4.3.9)."""

    def __init__(self) -> None:
        self.written = b""

    def writable(self) -> bool:
        return True

    def write(self, data: object) -> int:
        piece = bytes(data)  # type: ignore[call-overload]
        self.written += piece
        return len(piece)


def zipped(names: Iterable[str | tuple[str, bytes]], *, streamed: bool = False, comment: bytes = b"") -> bytes:
    """A ZIP file of these entries, in this order; `mimetype` is stored, as its formats want it."""
    pipe, whole = Pipe(), io.BytesIO()
    with zipfile.ZipFile(pipe if streamed else whole, "w", zipfile.ZIP_DEFLATED) as file:
        for entry in names:
            name, content = entry if isinstance(entry, tuple) else (entry, b"<x/>" * 30)
            file.writestr(name, content, zipfile.ZIP_STORED if name == "mimetype" else zipfile.ZIP_DEFLATED)
        file.comment = comment
    return pipe.written if streamed else whole.getvalue()


PYTHON_DOCX = [
    "[Content_Types].xml", "_rels/.rels", "docProps/core.xml", "docProps/app.xml", "word/document.xml",
    "word/_rels/document.xml.rels", "word/styles.xml", "docProps/thumbnail.jpeg",
]  # fmt: skip
LIBRE_OFFICE = ["_rels/.rels", "docProps/core.xml", "word/document.xml", "word/media/image1.png", "[Content_Types].xml"]
ODT = ("mimetype", b"application/vnd.oasis.opendocument.text")
EPUB = ("mimetype", b"application/epub+zip")
ZIPS: list[tuple[str, list[str | tuple[str, bytes]]]] = [
    (DOCX, [*PYTHON_DOCX]),
    (DOCX, [*LIBRE_OFFICE]),
    (DOCX, [("word/media/film.bin", bytes(range(256)) * 500), *LIBRE_OFFICE]),
    ("application/vnd.ms-word.document.macroEnabled.12", [*PYTHON_DOCX, "word/vbaProject.bin"]),
    (XLSX, ["xl/workbook.xml", "[Content_Types].xml"]),
    ("application/vnd.ms-excel.sheet.binary.macroEnabled.12", ["[Content_Types].xml", "xl/workbook.bin"]),
    (PPTX, ["[Content_Types].xml", "ppt/presentation.xml"]),
    ("application/vnd.oasis.opendocument.text", [ODT, "content.xml", "META-INF/manifest.xml"]),
    ("application/epub+zip", [EPUB, "META-INF/container.xml"]),
    (JAR, ["META-INF/", "META-INF/MANIFEST.MF", "a/B.class"]),
    (APK, ["AndroidManifest.xml", "classes.dex", "META-INF/MANIFEST.MF"]),
    (APK, ["META-INF/MANIFEST.MF", "res/a.png", "resources.arsc", "AndroidManifest.xml"]),
    (ZIP, ["a.txt"]),
    (ZIP, []),
    (ZIP, ["word/document.xml"]),
    (ZIP, ["AndroidManifest.xml"]),
    (ZIP, [("mimetype", b"text/html"), "index.html"]),
    (ZIP, [("mimetype", b"application/vnd.oasis.opendocument.\r\nx"), "a"]),
]


@pytest.mark.parametrize(("name", "mime"), REAL.items())
def test_a_real_file_is_called_what_it_is(name: str, mime: str) -> None:
    sniffer = sniffed((MADE / name).read_bytes())
    assert sniffer.mime == mime
    assert agrees(mime, sniffer)


@given(st.sampled_from(sorted(REAL)), st.lists(st.integers(0, 10_000), max_size=40))
def test_the_pieces_do_not_matter(name: str, cuts: list[int]) -> None:
    assert sniffed((MADE / name).read_bytes(), *cuts).mime == REAL[name]


@pytest.mark.parametrize("streamed", [False, True])
@pytest.mark.parametrize(("mime", "names"), ZIPS)
def test_a_zip_file_is_called_by_its_entries(mime: str, names: list[str | tuple[str, bytes]], streamed: bool) -> None:
    assert sniffed(zipped(names, streamed=streamed)).mime == mime


def test_a_comment_and_thousands_of_entries_hide_nothing() -> None:
    assert sniffed(zipped(LIBRE_OFFICE, comment=b"PK\x05\x06" * 16_000)).mime == DOCX
    many = [f"word/media/image{number}.png" for number in range(3_000)]
    for names in (["[Content_Types].xml", *many], [*many, "[Content_Types].xml"]):
        content = zipped(names)
        assert len(content) > 3 * TAIL_BYTES
        assert sniffed(content, *range(0, len(content), 5_000)).mime == DOCX


def test_what_lies_in_a_zip_file_does_not_name_it() -> None:
    inner = zipped(PYTHON_DOCX)
    whole = io.BytesIO()
    with zipfile.ZipFile(whole, "w", zipfile.ZIP_STORED) as file:
        file.writestr("a.txt", b"x" * 5_000)
        file.writestr("letter.docx", inner)
    assert sniffed(whole.getvalue()).mime == ZIP


def test_a_zip_file_of_more_than_32_bits_is_read_too() -> None:
    whole = io.BytesIO()
    with zipfile.ZipFile(whole, "w") as file:
        for number in range(70_000):  # more entries than 16 bits count, so zipfile writes a ZIP64 end
            file.writestr(f"{number}", b"")
        file.writestr("META-INF/MANIFEST.MF", b"")
    assert b"PK\x06\x06" in whole.getvalue()[-200:]
    assert sniffed(whole.getvalue()).mime == JAR


def box(kind: bytes, body: bytes, *, long: bool = False) -> bytes:
    if long:
        return (1).to_bytes(4) + kind + (len(body) + 16).to_bytes(8) + body
    return (len(body) + 8).to_bytes(4) + kind + body


def track(handler: bytes, *, long: bool = False) -> bytes:
    tables = box(b"minf", b"hdlr" * 50_000)
    return box(b"trak", box(b"mdia", box(b"hdlr", bytes(8) + handler + bytes(13), long=long) + tables), long=long)


FTYP = box(b"ftyp", b"isom\0\0\2\0isomiso2mp41")


@pytest.mark.parametrize("long", [False, True])
def test_the_second_track_is_found_however_much_is_before_it(long: bool) -> None:
    sound, film = track(b"soun", long=long), track(b"vide", long=long)
    for tracks, mime in ((sound, "audio/mp4"), (sound + film, "video/mp4"), (film + sound, "video/mp4")):
        content = FTYP + box(b"mdat", bytes(300_000), long=long) + box(b"moov", tracks, long=long)
        assert sniffed(content, *range(0, len(content), 65_536)).mime == mime
    endless = FTYP + box(b"moov", track(b"soun")) + (0).to_bytes(4) + b"mdat" + bytes(100)
    assert sniffed(endless).mime == "audio/mp4"


def test_wma_is_sound_behind_a_cover_of_any_size() -> None:
    real = (MADE / "sound.wma").read_bytes()
    cover = bytes(range(16)) + (24 + 200_000).to_bytes(8, "little") + bytes(200_000)
    size = int.from_bytes(real[16:24], "little") + len(cover)
    content = real[:16] + size.to_bytes(8, "little") + real[24:30] + cover + real[30:]
    assert sniffed(content, *range(0, len(content), 4_000)).mime == "audio/x-ms-wma"


def test_boxes_without_end_are_given_up() -> None:
    walk = walk_of(FTYP)
    assert walk is not None
    walk.feed(FTYP + box(b"free", b"") * (STEPS + 1) + box(b"moov", track(b"soun")))
    assert walk.found is None
    assert sniffed(FTYP + box(b"free", b"") * (STEPS + 1)).mime == "video/mp4"


@given(st.sampled_from(sorted(REAL)), st.data())
def test_a_damaged_file_has_a_type_all_the_same(name: str, data: st.DataObject) -> None:
    content = bytearray((MADE / name).read_bytes())
    for at in data.draw(st.lists(st.integers(0, min(len(content), 600) - 1), min_size=1, max_size=6)):
        content[at] = data.draw(st.integers(0, 255))
    cut = data.draw(st.integers(0, len(content)))
    assert sniffed(bytes(content[:cut])).mime.count("/") == 1


@given(st.sampled_from([b"\0\0\0\x18ftypisom", b"\x1a\x45\xdf\xa3", bytes.fromhex("3026b2758e66cf11a6d900aa0062ce6c")]),
       st.binary(max_size=400))  # fmt: skip
def test_a_walk_comes_to_an_end_whatever_it_reads(start: bytes, rest: bytes) -> None:
    walk = walk_of((start + rest + bytes(16))[:16])
    assert walk is not None
    walk.feed(start + rest)
    assert walk.found is None or isinstance(walk.found, Holds)
