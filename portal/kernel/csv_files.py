"""What all files that people hand in have in common: the text, a sentence for each wrong line."""

from dataclasses import dataclass

MEGABYTE = 1024 * 1024


@dataclass(frozen=True)
class Problem:
    """`number` is of the line, counted from 1: the header."""

    number: int
    sentence: str

    def __str__(self) -> str:
        return f"Line {self.number}: {self.sentence}"


def text_of(content: bytes, *, most_bytes: int, split_by: str) -> tuple[str, Problem | None]:
    """Of UTF-8, with or without a byte order mark. `split_by` says how to make a smaller file."""
    if len(content) > most_bytes:
        limit = most_bytes // MEGABYTE
        return "", Problem(1, f"the file has more than {limit} MB; split it by {split_by}.")
    try:
        return content.decode("utf-8-sig"), None
    except UnicodeDecodeError as error:
        number = content.count(b"\n", 0, error.start) + 1
        return "", Problem(number, "it is not UTF-8. Save the file as “CSV UTF-8”.")


def quoted(text: str) -> str:
    """What was written, short, and safe wherever it is copied to: no control characters."""
    short = text if len(text) <= 40 else f"{text[:40]}…"
    return "“" + "".join(c if c.isprintable() else "·" for c in short) + "”"
