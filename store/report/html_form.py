"""A report as one HTML file: opens from disk, fetches nothing, runs only the script that its policy names by its hash.

Every text of the data is escaped here, and nowhere else.
"""

import base64
import hashlib
import re
from collections.abc import Iterator
from html import escape
from importlib.resources import files

from store.report.chart_drawing import PATTERNS, drawn
from store.report.parts import Block, Cell, Count, Heading, Lines, Report, Section, Table, Tile, Tiles, Words
from store.text import clean_whole
from store.words import QUALIFIERS, count_words, qualified

_NONE = "-"
# A date, an instant, an id, the letters of a track: broken in two they could not be read.
_SHORT = re.compile(r"[\w.:?-]{1,12}|\d{4}-\d\d-\d\d(?:[ T][\d:.]{5,15}Z?)?", re.ASCII)


def html(report: Report) -> str:
    """The report as an HTML document."""
    style, script = (_resource(name) for name in ("page.css", "page.js"))
    policy = (
        f"default-src 'none'; style-src '{_digest(style)}'; script-src '{_digest(script)}'; img-src data:;"
        " base-uri 'none'; form-action 'none'"
    )
    contents = "".join(f'<li><a href="#{section.key}">{text(section.title)}</a></li>' for section in report.sections)
    body = "\n".join(_section(section) for section in report.sections)
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{policy}">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        '<meta name="color-scheme" content="light dark">\n<meta name="referrer" content="no-referrer">\n'
        '<link rel="icon" href="data:,">\n'
        f"<title>{text(report.title)}: report</title>\n<style>{style}</style>\n</head>\n<body>\n"
        f'<a class="skip" href="#main">Skip to the report</a>\n{PATTERNS}\n'
        f'<header>\n<p class="maker">Overscope</p>\n<h1>{text(report.title)}</h1>\n<p>{text(report.subtitle)}</p>\n'
        f'</header>\n<nav aria-label="Sections"><ol>{contents}</ol></nav>\n<main id="main">\n{body}\n</main>\n'
        f'<p id="said" class="hidden" role="status"></p>\n<script>{script}</script>\n</body>\n</html>\n'
    )


def text(value: str) -> str:
    """A text of the data inside an element or a quoted attribute: visible, whole, and never markup."""
    return escape(clean_whole(value), quote=True)


def _resource(name: str) -> str:
    return (files("store.report") / name).read_text(encoding="utf-8")


def _digest(content: str) -> str:
    return f"sha256-{base64.b64encode(hashlib.sha256(content.encode()).digest()).decode('ascii')}"


def _section(section: Section) -> str:
    kind = ' class="wide"' if section.is_wide else ""
    blocks = "\n".join(_block(block) for block in section.blocks)
    name = f"{section.key}-title"
    return (
        f'<section id="{section.key}"{kind} aria-labelledby="{name}">\n'
        f'<h2 id="{name}">{text(section.title)}</h2>\n{blocks}\n</section>'
    )


def _block(block: Block) -> str:
    if isinstance(block, Table):
        return _folded(block) if block.is_folded else table(block)
    if isinstance(block, Words):
        return (
            f'<p class="loud"><span aria-hidden="true">! </span>{text(block.text)}</p>'
            if block.is_loud
            else (f"<p>{text(block.text)}</p>")
        )
    if isinstance(block, Lines):
        return _lines(block)
    if isinstance(block, Tiles):
        return f'<div class="tiles">{"".join(_tile(tile) for tile in block.tiles)}</div>'
    return drawn(block)


def _folded(block: Table) -> str:
    return f"<details>\n<summary>{text(block.caption)}</summary>\n{table(block)}\n</details>"


def _lines(block: Lines) -> str:
    wrap = ("<code>", "</code>") if block.is_code else ("", "")
    lines = "".join(f"<li>{wrap[0]}{text(line)}{wrap[1]}</li>" for line in block.lines)
    nothing = "" if block.lines else "<p>none</p>"
    return f"<h3>{text(block.title)}</h3>\n" + (f"<ul>{lines}</ul>" if lines else nothing)


def _tile(tile: Tile) -> str:
    alarm = " alarm" if tile.is_alarm else ""
    sign = '<span aria-hidden="true">! </span>' if tile.is_alarm else ""
    beneath = "".join(f"<li>{text(line)}</li>" for line in tile.beneath)
    sure = text(QUALIFIERS[tile.number.qualifier])
    return (
        f'<div class="tile{alarm}"><h3>{sign}{text(tile.title)}</h3>'
        f'<p class="number"><b title="{sure}">{_number(tile.number)}</b> {text(tile.unit)}</p><ul>{beneath}</ul></div>'
    )


def table(block: Table) -> str:
    """A table with its caption; one that is not only of facts sorts by its headings."""
    if not block.rows:
        return f"<h3>{text(block.caption)}</h3>\n<p>{text(block.nothing)}</p>"
    if block.is_facts:
        rows = "\n".join(
            f'<tr><th scope="row">{text(str(row[0]))}</th>{_cell(row[1], block.headings[1])}</tr>' for row in block.rows
        )
        return (
            f'<table class="facts" id="table-{block.key}"><caption>{text(block.caption)}</caption>\n'
            f"<tbody>\n{rows}\n</tbody></table>"
        )
    head = "".join(f'<th scope="col"{_number_class(heading)}>{text(heading.title)}</th>' for heading in block.headings)
    kind = "sorts narrow" if len(block.headings) == 2 else "sorts"
    rows = "\n".join(f"<tr>{''.join(_row(row, block.headings))}</tr>" for row in block.rows)
    return (
        f'<div class="scroll"><table class="{kind}" id="table-{block.key}"><caption>{text(block.caption)}</caption>\n'
        f"<thead><tr>{head}</tr></thead>\n<tbody>\n{rows}\n</tbody></table></div>"
    )


def _row(row: tuple[Cell, ...], headings: tuple[Heading, ...]) -> Iterator[str]:
    for place, (value, heading) in enumerate(zip(row, headings, strict=True)):
        if place == 0 and isinstance(value, str):
            yield f'<th scope="row">{text(value)}</th>'
        else:
            yield _cell(value, heading)


def _cell(value: Cell, heading: Heading) -> str:
    if value is None:
        return f"<td{_number_class(heading)}>{_NONE}</td>"
    if isinstance(value, Count):
        return f'<td class="n" data-value="{value.value}">{_number(value)}</td>'
    if isinstance(value, int):
        return f'<td class="n" data-value="{value}">{count_words(value)}</td>'
    if len(value) == 64 and value.isalnum() and value.isascii():
        return f'<td class="hash"><code>{text(value)}</code></td>'
    kind = ' class="short"' if _SHORT.fullmatch(value) else _number_class(heading)
    return f"<td{kind}>{text(value)}</td>"


def _number_class(heading: Heading) -> str:
    return ' class="n"' if heading.is_number else ""


def _number(count: Count) -> str:
    return text(qualified(count.value, count.qualifier))
