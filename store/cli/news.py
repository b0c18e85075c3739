"""The command that tells what changed since a person left."""

from argparse import Namespace

from store.cli import output
from store.cli.common import actor_of, opened


def since(options: Namespace) -> int:
    """Print what changed since their last session, their last own action, or what was asked for."""
    from store.instants import now
    from store.sessions import last_session, state_folder
    from store.since import departure, since
    from store.since_words import departure_words, sections, since_document

    actor = actor_of(options)
    today = now() if options.today is None else options.today
    is_asked = options.seq is not None or options.at is not None
    with opened(options) as store:
        session = None
        if not is_asked:
            session, remark = last_session(state_folder(), store, actor)
            if remark:
                output.say(remark)
        with store.reading():
            left = departure(store, actor, session=session, seq=options.seq, at=options.at)
            news = since(store, left, actor=actor, today=today)
    if options.json:
        output.print_json(since_document(news))
        return 0
    told = sections(news)
    begin = "first time here: all is new, in short" if news.first_time else departure_words(left)
    output.print_lines([begin if told else f"{begin}: nothing is new"])
    for section in told:
        output.print_lines(["", section.title] if section.lines else [section.title])
        output.print_lines(f"  {line}" for line in section.lines)
    return 0
