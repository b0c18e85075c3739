"""A report as Markdown: CommonMark with GitHub's tables. Every text of the data is escaped by `markdown`."""

from store.letter_forms import markdown
from store.report.parts import Block, Cell, Chart, Count, Lines, Report, Section, Table, Tiles, Words
from store.text import clean_whole
from store.words import count_words, qualified

_NONE = "-"


def markdown_text(report: Report) -> str:
    """The report as a Markdown document."""
    head = [f"# {markdown(report.title)}", markdown(report.subtitle)]
    return "\n\n".join([*head, *(_section(section) for section in report.sections)]) + "\n"


def _section(section: Section) -> str:
    blocks = [_block(block) for block in section.blocks]
    return "\n\n".join([f"## {markdown(section.title)}", *blocks])


def _block(block: Block) -> str:
    if isinstance(block, Table):
        return _table(block)
    if isinstance(block, Words):
        return f"**!** {markdown(block.text)}" if block.is_loud else markdown(block.text)
    if isinstance(block, Lines):
        lines = "\n".join(f"- {_code(line) if block.is_code else markdown(line)}" for line in block.lines)
        return f"### {markdown(block.title)}\n\n{lines or 'none'}"
    if isinstance(block, Tiles):
        return _tiles(block)
    return _chart(block)


def _tiles(block: Tiles) -> str:
    lines = [
        f"- **{markdown(tile.title)}**: {'! ' if tile.is_alarm else ''}{_cell(tile.number)} {markdown(tile.unit)}"
        + "".join(f", {markdown(line)}" for line in tile.beneath)
        for tile in block.tiles
    ]
    return "\n".join(lines)


def _chart(block: Chart) -> str:
    return f"*{markdown(block.title)}.* {markdown(block.alternative)}"


def _table(block: Table) -> str:
    caption = f"*{markdown(block.caption)}*"
    if not block.rows:
        return f"{caption}\n\n{markdown(block.nothing)}"
    head = [markdown(heading.title) for heading in block.headings]
    rules = ["---:" if heading.is_number else "---" for heading in block.headings]
    rows = [[_cell(value) for value in row] for row in block.rows]
    return "\n".join([caption, "", *(f"| {' | '.join(cells)} |" for cells in (head, rules, *rows))])


def _cell(value: Cell) -> str:
    if value is None:
        return _NONE
    if isinstance(value, Count):
        return markdown(qualified(value.value, value.qualifier))
    return count_words(value) if isinstance(value, int) else markdown(value)


def _code(value: str) -> str:
    """A command in a code span, whatever backticks and blanks it has."""
    text = clean_whole(value)
    fence = "`"
    while fence in text:
        fence += "`"
    return f"{fence} {text} {fence}" if text[:1] == "`" or text[-1:] == "`" else f"{fence}{text}{fence}"
