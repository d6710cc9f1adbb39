"""Parts of long lists: half-open, never empty while there is something, odd addresses heeded."""

import pytest
from django.template.loader import render_to_string

from portal.kernel.slices import MOST, slice_of


def test_a_short_list_is_one_whole_page():
    found = slice_of({}, 25)
    assert (found.start, found.stop, found.is_long, found.text) == (0, 25, False, "1–25 of 25")


def test_pages_follow_each_other_and_keep_what_was_searched():
    first = slice_of({"q": " chat "}, 60)
    assert (first.start, first.stop, first.query, first.previous_url) == (0, 25, "chat", "")
    last = slice_of({"q": "chat", "page": "3"}, 60)
    assert (last.start, last.stop, last.next_url) == (50, 60, "")
    assert last.previous_url == "?q=chat&page=2"


@pytest.mark.parametrize(("page", "start"), [("0", 0), ("-1", 0), ("x", 0), ("²", 0), ("99", 50)])
def test_an_odd_number_is_the_first_page_or_the_last(page: str, start: int):
    assert slice_of({"page": page}, 60).start == start


def test_nothing_is_one_empty_page():
    found = slice_of({"q": "zzz"}, 0)
    assert (found.start, found.stop, found.text, found.is_long) == (0, 0, "0", True)


def test_one_row_is_no_range():
    assert slice_of({"q": "chat"}, 1).text == "1"


def test_all_of_a_list_that_comes_in_pages_is_one_long_page_and_an_inbox_has_none():
    first = slice_of({"q": "chat", "page": "2"}, 60)
    assert first.all_url == "?q=chat&page=all"
    whole = slice_of({"page": "all"}, 60)
    assert (whole.start, whole.stop, whole.previous_url, whole.next_url) == (0, 60, "", "")
    assert slice_of({"page": "all"}, 9_999).stop == MOST
    assert slice_of({}, 25).all_url == ""
    inbox = slice_of({"page": "all"}, 60, in_whole=False)
    assert (inbox.start, inbox.stop, inbox.all_url) == (0, 25, "")


@pytest.mark.parametrize("page", ["1", "all"])
def test_a_file_that_cannot_have_every_row_says_so_on_its_button(page: str):
    def button(total: int) -> str:
        place = slice_of({"q": "chat", "page": page}, total)
        return render_to_string("components/list_tools.html", {"place": place, "noun": "rows"})

    assert 'CSV of the first <data value="2000">2,000</data></button>' in button(MOST + 1)
    assert "Download CSV<" in button(MOST)
