"""Files of each kind become text; what cannot be read is refused with a reason."""

import pytest

from knowledge import files
from turnwise.knowledge import extraction
from turnwise.knowledge.extraction import Unreadable, extract, kind_of, of_text

PAGE = """<html><head><title> The
 shop </title><style>p {}</style></head><body><nav>Home</nav>
<h1>Opening hours</h1><p>We open at <b>nine</b> &amp; close at five.</p>
<ul><li>Monday</li><li>Friday</li></ul><table><tr><td>Bread</td><td>3</td></tr></table>
<script>alert(1)</script></body></html>"""


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.mark.anyio
async def test_a_page_keeps_headings_lists_and_tables_and_loses_scripts() -> None:
    content = await extract(PAGE.encode(), "html")
    assert content.title == "The shop"
    assert content.text == (
        "# Opening hours\n\nWe open at nine & close at five.\n\n- Monday\n\n- Friday\n\nBread | 3"
    )
    assert "<h1>Opening hours</h1>" in content.markup
    assert "script" not in content.markup
    assert "Home" not in content.text


@pytest.mark.anyio
@pytest.mark.parametrize(
    ("data", "name", "said"),
    [
        (files.pdf("The red tricycle costs forty dollars."), "a.pdf", "forty dollars"),
        (files.docx("Prices", "A bicycle costs fifty."), "a.DOCX", "# Prices\n\nA bicycle costs"),
        (files.epub("Book", "<h1>One</h1>", "<p>Two</p>"), "a.epub", "# One\n\nTwo"),
        ("# Über\n\nGrüße".encode(), "a.md", "# Über\n\nGrüße"),
        ("Grüße".encode("utf-16"), "a.txt", "Grüße"),
        ("Grüße €".encode("cp1252"), "a.txt", "Grüße €"),
        ("<meta charset=iso-8859-5><p>Привет".encode("iso-8859-5"), "a.html", "Привет"),
    ],
    ids=["pdf", "docx", "epub", "markdown", "utf-16", "cp1252", "declared"],
)
async def test_each_kind_of_file_is_read(data: bytes, name: str, said: str) -> None:
    content = await extract(data, kind_of(name))
    assert said in content.text


@pytest.mark.anyio
@pytest.mark.parametrize(
    ("data", "kind", "reason"),
    [
        (b"%PDF-1.4 no", "pdf", "damaged"),
        (b"no archive", "docx", "damaged"),
        (files.zipped({"a": "b"}), "epub", "damaged"),
        (files.zipped({"a": "b"}), "docx", "damaged"),
        (files.pdf(""), "pdf", "no text"),
        (b"  \n ", "text", "no text"),
        (b"<script>1</script>", "html", "no text"),
    ],
)
async def test_what_cannot_be_read_is_refused(
    data: bytes, kind: extraction.Kind, reason: str
) -> None:
    with pytest.raises(Unreadable, match=reason):
        await extract(data, kind)


@pytest.mark.anyio
async def test_an_archive_that_unpacks_to_too_much_is_refused(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(extraction, "MOST_UNPACKED", 1_000)
    with pytest.raises(Unreadable, match="too large"):
        extraction._of_archive(files.docx("x" * 2_000, "y"), "docx")


def test_a_page_nested_deeper_than_calls_may_go_is_read() -> None:
    deep = "<div>" * 5_000 + "bottom" + "</div>" * 5_000
    assert extraction.of_html(deep).text == "bottom"


@pytest.mark.parametrize("name", ["a.exe", "a", "", "pdf"])
def test_other_files_are_refused(name: str) -> None:
    with pytest.raises(Unreadable, match=r"\.pdf"):
        kind_of(name)


def test_the_name_tells_before_the_media_type() -> None:
    assert kind_of("a.md", "text/plain") == "markdown"
    assert kind_of("notes", "text/plain; charset=utf-8") == "text"


def test_a_text_is_its_own_markup() -> None:
    content = of_text("a <b>\n\n\n\n c ")
    assert (content.markup, content.text) == ("a <b>\n\n\n\n c ", "a <b>\n\nc")
