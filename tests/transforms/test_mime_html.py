"""HTML to text: what a person would read, without markup, scripts and quoted history."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from transforms.mime.html import to_text
from transforms.mime.text import tidy


def read(source: str) -> str:
    return tidy(to_text(source))


@pytest.mark.parametrize(
    ("source", "text"),
    [
        ("", ""),
        ("plain", "plain"),
        ("<p>one</p><p>two</p>", "one\n\ntwo"),
        ("one<br>two<BR/>three<br />four", "one\ntwo\nthree\nfour"),
        ("<div>one</div>two", "one\ntwo"),
        ("<b>o</b>n<i>e</i>", "one"),
        ("one\n   two\t\tthree", "one two three"),
        ("<td>one</td><td>two</td>", "one two"),
        ("<tr><td>one</td></tr><tr><td>two</td></tr>", "one\n\ntwo"),
        ("<ul><li>one<li>two</ul>", "one\ntwo"),
        ("<a href='x'>link</a>", "link"),
        ("a &amp; b &lt;c&gt; &copy; &#8364; &#x20AC;", "a & b <c> © € €"),
        ("one&nbsp;&nbsp;two\xa0three", "one  two three"),
        ("&nosuch; &#xD800; &#0; &#1114112; &", "&nosuch; \ufffd \ufffd \ufffd &"),
        ("&lt;script&gt;shown&lt;/script&gt;", "<script>shown</script>"),
        ("a < b and c > d", "a < b and c > d"),
        ("1 <2 3> 4", "1 <2 3> 4"),
        ("I <3 you", "I <3 you"),
        ("<!doctype html><?xml version='1.0'?><html>x</html>", "x"),
        ("<o:p>x</o:p>", "x"),
        ("broken <a href='x", "broken <a href='x"),
        ("<p>never closed", "never closed"),
        ("</p></div>closed twice</b>", "closed twice"),
    ],
)
def test_text_of_markup(source: str, text: str) -> None:
    assert read(source) == text


@pytest.mark.parametrize(
    "hidden",
    [
        "<style>p { color: red }</style>",
        "<STYLE type='text/css'>\n<!-- p {} -->\n</STYLE >",
        "<script>if (a < b) document.write('<p>boo</p>')</script>",
        "<script src='x'></script>",
        "<title>A title</title>",
        "<noscript>Turn it on</noscript>",
        "<template><p>later</p></template>",
        "<!-- a comment -->",
        "<!-- a <b>comment</b> > with -- marks -->",
        "<!-->",
        "<!--[if mso]><table><tr><td>for Outlook</td></tr></table><![endif]-->",
        "<script>one</script><script>two</script>",
    ],
)
def test_what_nobody_sees_is_no_text(hidden: str) -> None:
    assert read(f"before {hidden}after") == "before after"


@pytest.mark.parametrize("start", ["<script>", "<style>", "<!--", "<!-- a --><!--", "<title>"])
def test_what_is_never_closed_hides_the_rest(start: str) -> None:
    assert read(f"before {start} after <p>more</p>") == "before"


def test_the_end_of_one_script_is_not_that_of_a_style() -> None:
    assert read("a<style>x</script>y</style>b") == "ab"


@pytest.mark.parametrize("digits", [8, 4_300, 4_301, 100_000])
def test_a_number_of_many_digits_is_no_character(digits: int) -> None:
    assert read(f"a &#{'9' * digits}; b &amp; &#x{'9' * digits};") == "a \ufffd b & \ufffd"


HISTORY = "<p>Their words</p>"


@pytest.mark.parametrize(
    "quoted",
    [
        f'<blockquote type="cite">{HISTORY}</blockquote>',
        f"<blockquote class='gmail_quote' style='margin:0'>{HISTORY}</blockquote>",
        f"<BLOCKQUOTE TYPE=CITE>{HISTORY}</BLOCKQUOTE>",
        f'<blockquote cite="mid:1">a<blockquote>b</blockquote>{HISTORY}</blockquote>',
        f'<div class="gmail_attr">On Friday Ada wrote:<br></div><blockquote cite=x>{HISTORY}'
        "</blockquote>",
        f'<blockquote type="cite">{HISTORY}',
        f'<div id="appendonsend"></div>{HISTORY}',
        f'<div id="x_x_divRplyFwdMsg" dir="ltr">From: Ada</div>{HISTORY}',
        f'<div style="border:none; border-top:solid #E1E1E1 1.0pt;padding:3pt">From: Ada</div>'
        f"{HISTORY}",
        f'<div id="yahoo" class="yahoo_quoted">{HISTORY}</div>',
    ],
)
def test_quoted_history_is_cut_off(quoted: str) -> None:
    assert read(f"<p>My words</p>{quoted}") == "My words"


def test_what_stands_between_and_behind_quotations_stays() -> None:
    one = "<blockquote type=cite>theirs</blockquote>"
    assert read(f"a{one}b{one}c") == "abc"


def test_a_forward_without_a_word_keeps_what_it_forwards() -> None:
    assert read(f'<div id="appendonsend"></div>{HISTORY}') == "Their words"
    assert read(f"<blockquote type=cite>{HISTORY}</blockquote>") == "Their words"


def test_a_forwarded_mail_is_not_taken_for_an_attribution() -> None:
    forwarded = '<div class="gmail_attr">---------- Forwarded message ---------</div>'
    text = read(f"FYI{forwarded}<blockquote type=cite>x</blockquote>")
    assert text == "FYI\n---------- Forwarded message ---------"


def test_a_blockquote_that_quotes_nobody_is_text() -> None:
    assert read("<blockquote>wise words</blockquote>mine") == "wise words\nmine"
    assert read("</blockquote>mine") == "mine"


@pytest.mark.parametrize("depth", [50, 20_000])
def test_depth_is_no_matter(depth: int) -> None:
    assert read("<div>" * depth + "deep" + "</div>" * depth) == "deep"
    assert read("<blockquote type=cite>" * depth + "deep" + "</blockquote>" * depth) == "deep"
    assert read("a" + "<blockquote type=cite>" * depth + "b" + "</blockquote>" * depth) == "a"


def test_a_long_document_keeps_every_line() -> None:
    lines = [f"line {number}" for number in range(5_000)]
    source = "".join(f"<p style='margin:0'>{line}</p>\n" for line in lines)
    assert len(source) > 100_000
    assert read(source).split("\n\n") == lines


pieces = st.sampled_from(
    [
        *("<", ">", "<!--", "-->", "<script", "</script>", "<style>", "<p>", "<br", "</", "/>"),
        *("<blockquote", " type=cite>", "</blockquote>", "&", "&#", "&#x", "9", ";", "id=", "\0"),
        *("appendonsend", "border-top", '<div class="gmail_attr">', "-----", "x", " ", "\n", '"'),
    ]
)


@given(st.lists(pieces, max_size=40).map("".join) | st.text(max_size=80))
def test_whatever_the_source_there_is_text(source: str) -> None:
    text = to_text(source)
    text.encode()
    assert text == to_text(source)


safe = st.text(st.characters(codec="utf-8", exclude_characters="<>&"), max_size=40)


@given(st.lists(safe, max_size=6))
def test_words_come_through_whatever_stands_around_them(words: list[str]) -> None:
    source = "".join(f"<p class=x>{word}</p><script>no</script><!-- no -->" for word in words)
    assert to_text(source).split() == " ".join(words).split()
