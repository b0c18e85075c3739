"""The commands `claims` and `claim`: public sentences, bound to figures and judged on today's evidence."""

from argparse import Namespace

from store.cli import output
from store.cli.common import actor_of, opened, parameters_of
from store.cli.output import Cell, Column, shown
from store.errors import UsageError
from store.words import count_words, qualified

_LONGEST_LINE = 1_000


def claims(options: Namespace) -> int:
    """List the claims; 1 if one that stands is broken."""
    from store.claims import BROKEN, claim_document
    from store.claims import claims as ask
    from store.instants import last_day_before

    with opened(options) as store:
        states = ask(store, withdrawn=options.all)
    broken = sum(state.outcome == BROKEN and state.claimed.withdrawn_by is None for state in states)
    if options.json:
        output.print_json({"claims": [claim_document(state) for state in states]})
        return 1 if broken else 0
    cells: list[list[Cell]] = [
        [
            str(state.claimed.claim_id),
            state.outcome if state.claimed.withdrawn_by is None else f"withdrawn (#{state.claimed.withdrawn_by})",
            str(state.claimed.term),
            qualified(state.known.counted, state.known.qualifier),
            last_day_before(state.claimed.as_of),
            state.claimed.sentence,
        ]
        for state in states
    ]
    columns = (
        Column("No.", right=True),
        Column("Outcome"),
        Column("Claimed", limit=60),
        Column("Counted", right=True),
        Column("Reads to (UTC)"),
        Column("Sentence", limit=200),
    )
    count = f"{count_words(len(states))} claim{'' if len(states) == 1 else 's'}, {count_words(broken)} broken"
    output.print_lines([*output.table(columns, cells), count] if states else [count])
    return 1 if broken else 0


def claim(options: Namespace) -> int:
    """Make a claim, or withdraw one."""
    from store.claims import claim as make
    from store.claims import claim_document, withdraw

    makes = options.sentence is not None or options.that is not None
    asked = [options.as_of, options.window, options.cutoff]
    if makes == (options.withdraw is not None):
        raise UsageError("give --sentence and --that to claim something, or --withdraw N with --note")
    if makes and (options.sentence is None or options.that is None):
        raise UsageError('a claim takes both --sentence TEXT and --that "recent.partners >= 11"')
    if not makes and any(value is not None for value in asked):
        raise UsageError("--as-of and its like are for making a claim")
    with opened(options) as store:
        actor = actor_of(options)
        if not makes:
            done = withdraw(store, options.withdraw, actor=actor, note=options.note)
            document: dict[str, object] = {"withdrawn": options.withdraw, "seq": done.seqs[0], "line": done.line}
        else:
            parameters = parameters_of(options)
            state, done = make(
                store, parameters, actor=actor, sentence=options.sentence, that=options.that, note=options.note
            )
            document = {"claim": claim_document(state), "line": done.line}
    if options.json:
        output.print_json(document)
    else:
        output.print_lines([shown(done.line, _LONGEST_LINE)])
    return 0
