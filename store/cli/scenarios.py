"""The command `scenario`: what-ifs with a name. Save, drop, list and show one beside the figures as they are."""

from argparse import Namespace
from typing import TYPE_CHECKING

from store.cli import output
from store.cli.common import actor_of, opened, parameters_of, to_second
from store.cli.output import Cell, Column, shown
from store.errors import UsageError
from store.parameters import Parameters

if TYPE_CHECKING:
    from store.connection import Store
    from store.scenarios import Scenario
    from store.sheet import Comparison


def scenario(options: Namespace) -> int:
    """Save, drop or show a scenario; show what options ask; list them without any."""
    asked = parameters_of(options)
    if options.drop is not None and not options.note:
        raise UsageError("dropping a scenario needs --note TEXT that says why")
    if options.save is None and not asked.are_defaults() and (options.drop is not None or options.show is not None):
        raise UsageError("a saved scenario has its own parameters: give them with --save, or without a name")
    if options.note and options.save is None and options.drop is None:
        raise UsageError("--note goes with --save or --drop")
    with opened(options) as store:
        if options.save is not None or options.drop is not None:
            return _write(store, options, asked)
        if options.show is not None or not asked.are_defaults():
            return _show(store, options, asked)
        return _list(store, options)


def _write(store: "Store", options: Namespace, asked: Parameters) -> int:
    from store.scenarios import drop_scenario, find_scenario, save_scenario

    actor = actor_of(options)
    if options.drop is not None:
        done = drop_scenario(store, options.drop, actor=actor, note=options.note)
    else:
        done = save_scenario(store, options.save, asked, actor=actor, note=options.note)
    if options.json:
        saved = options.save is not None
        about = {"scenario": _document(find_scenario(store, options.save))} if saved else {}
        output.print_json({"seq": done.seqs[0], "line": done.line, **about})
    else:
        output.print_lines([shown(done.line, 400)])
    return 0


def _list(store: "Store", options: Namespace) -> int:
    from store.scenarios import scenarios
    from store.sheet import what_if_words

    found = scenarios(store)
    if options.json:
        output.print_json({"scenarios": [_document(each) for each in found]})
        return 0
    cells: list[list[Cell]] = [
        [each.name, to_second(each.at), each.by, what_if_words(each.parameters)] for each in found
    ]
    columns = (Column("Scenario", limit=80), Column("Saved (UTC)"), Column("By", limit=20), Column("Asks", limit=200))
    count = f"{len(found):,} scenario{'' if len(found) == 1 else 's'}"
    output.print_lines([*(output.table(columns, cells) if cells else []), count])
    return 0


def _show(store: "Store", options: Namespace, asked: Parameters) -> int:
    from store.scenarios import check_what_if, find_scenario
    from store.sheet import compare, what_if_words
    from store.sheet_words import comparison_document

    found = None if options.show is None else find_scenario(store, options.show)
    if found is None:
        what_if = asked
        check_what_if(store, asked)
    else:
        what_if = _today(found.parameters, asked.today)
    comparison = compare(store, Parameters(today=asked.today), what_if)
    if options.json:
        named = {} if found is None else {"scenario": _document(found)}
        output.print_json({**named, "parameters": _asked(what_if), **comparison_document(comparison)})
        return 0
    title = "What if" if found is None else f"{shown(found.name)}: what if"
    output.print_lines([f"{title} {shown(what_if_words(what_if), 400)}", "", *_lines(comparison)])
    return 0


def _today(parameters: Parameters, today: int | None) -> Parameters:
    from dataclasses import replace

    return replace(parameters, today=today)


def _lines(comparison: "Comparison") -> list[str]:
    from store.sheet_words import cell_words, compared, difference_words, flip_words, remarks

    cells: list[list[Cell]] = [
        [cell_words(each.cell), each.now.words, each.what_if.words, difference_words(each.difference)]
        for each in compared(comparison)
    ]
    columns = (Column(""), Column("Now", right=True), Column("What if", right=True), Column("Difference", right=True))
    flips = [shown(line, 1_000) for flips in comparison.flips for line in flip_words(flips)]
    return [
        *output.table(columns, cells),
        "",
        *(flips or ["No partner enters or leaves a population."]),
        *(f"Note: {shown(remark, 400)}" for remark in remarks(comparison)),
    ]


def _asked(parameters: Parameters) -> dict[str, object]:
    from store.scenarios import scenario_document

    return scenario_document(parameters)


def _document(found: "Scenario") -> dict[str, object]:
    from store.instants import format_instant

    return {
        "scenario_id": found.scenario_id,
        "name": found.name,
        "parameters": _asked(found.parameters),
        "saved_at": format_instant(found.at),
        "saved_by": found.by,
        "note": found.note or None,
        "seq": found.seq,
    }
