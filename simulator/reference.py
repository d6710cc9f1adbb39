"""``python -m simulator.reference``: writes the table of knobs into docs/reference/simulator.md."""

from __future__ import annotations

import json
from pathlib import Path

from simulator.knobs import Knobs

REFERENCE = Path(__file__).parents[1] / "docs" / "reference" / "simulator.md"
_BEGIN, _END = "<!-- knobs -->\n", "<!-- /knobs -->"


def knob_table() -> str:
    """Markdown, one row for each knob."""
    rows = [
        f"| `{row['name']}` | `{json.dumps(row['default'])}` | {row['accepts']} | {row['help']} |"
        for row in Knobs().described()
    ]
    return "\n".join(["| knob | default | accepts | what it does |", "|---|---|---|---|", *rows])


def with_knob_table(page: str) -> str:
    """The page with the present table between its marks."""
    before, _, rest = page.partition(_BEGIN)
    _old, _, after = rest.partition(_END)
    return f"{before}{_BEGIN}{knob_table()}\n{_END}{after}"


if __name__ == "__main__":
    REFERENCE.write_text(with_knob_table(REFERENCE.read_text()))
