"""What a sweep found, in plain sentences, the sobering ones included."""

from collections.abc import Iterator, Sequence
from statistics import fmean
from typing import Final

from tradewrit.research.report.glossary import GLOSSARY
from tradewrit.research.sweep.deflated import SKILL
from tradewrit.research.sweep.judging import Choice, Judgement, Strung
from tradewrit.research.sweep.sweeping import Swept

_NOTHING_HELD_BACK: Final = (
    "No bars were held back, so what the best point is worth on bars it was not chosen on is unknown: "
    "--walk-forward rolling tells."
)
_LABELS: Final = {term.field: term.label for terms in GLOSSARY.values() for term in terms}
_FRACTIONS: Final = frozenset({"total_return", "cagr", "max_drawdown", "win_rate"})


def sentences(swept: Swept, judged: Judgement) -> list[str]:
    """In the order in which they should be read; never empty."""
    found = [*_incomplete(swept), *_found(swept, judged)]
    if swept.failed:
        found.append(
            f"The strategy failed in {counted(swept.failed, 'run')}; these are listed with their error."
        )
    if swept.lost:
        found.append(
            f"{counted(swept.lost, 'run')} ended with the worker that made it; the same command tries again."
        )
    return found


def label_of(objective: str) -> str:
    """What a figure is called on paper."""
    return _LABELS[objective]


def shown(objective: str, value: float | None) -> str:
    """A figure as people write it: fractions in per cent."""
    if value is None:
        return "none"
    return f"{value * 100:z.2f} %" if objective in _FRACTIONS else f"{value:z.2f}"


def _incomplete(swept: Swept) -> Iterator[str]:
    if not swept.is_complete:
        yield "This sweep was interrupted: what follows is of the runs until then. The same command goes on."


def _found(swept: Swept, judged: Judgement) -> Iterator[str]:
    if not judged.choices:
        yield _nothing(swept)
        return
    objective = swept.request.objective
    if swept.request.plan is None:
        (best,) = judged.choices
        score = shown(objective, best.score)
        yield f"Best of {_trials(swept, best)}: {label_of(objective)} {score} at {setting(best)}."
        yield from _luck_of_one(best)
        yield _NOTHING_HELD_BACK
        return
    yield from _walked(objective, judged)
    yield from _luck_of_splits(swept, judged.choices)
    if judged.agreement is not None:
        yield _agreement(judged.agreement)


def _nothing(swept: Swept) -> str:
    least = swept.request.least_trades
    if not any(run.figures is not None for trial in swept.trials for run in trial.ran.values()):
        return "No run came to an end, so there is nothing to choose from."
    return (
        f"No point has a {label_of(swept.request.objective)} and at least {counted(least, 'trade')} in "
        "sample, so there is nothing to choose from; a point without a trade has no ratio."
    )


def _luck_of_one(best: Choice) -> Iterator[str]:
    if best.luck is None or best.best_by_luck is None:
        yield "Its Sharpe ratio is undefined, so it cannot be held against luck."
        return
    yield (
        f"Its Sharpe ratio is {shown('sharpe', best.inside.sharpe)} a year; the best of "
        f"{counted(best.luck.trials, 'trial')} by luck alone is expected to show {best.best_by_luck:.2f}."
    )
    yield _deflated(best)


def _deflated(best: Choice) -> str:
    if best.luck is None or best.luck.deflated is None:
        return "Its returns allow no deflated Sharpe ratio."
    verdict = "told from luck" if best.luck.is_skill else "not told from luck"
    return (
        f"Deflated Sharpe ratio {best.luck.deflated:.2f}: the probability that there is more to it than "
        f"luck, given how many were tried. {SKILL} is asked for: {verdict}."
    )


def _walked(objective: str, judged: Judgement) -> Iterator[str]:
    tested = [one for one in judged.choices if one.score_outside is not None]
    inside = fmean(one.score for one in judged.choices)
    outside = fmean(one.score_outside for one in tested if one.score_outside is not None) if tested else None
    yield (
        f"Chosen in sample on {counted(len(judged.choices), 'split')} and then tested: mean "
        f"{label_of(objective)} {shown(objective, inside)} in sample, {shown(objective, outside)} out of it."
    )
    if judged.strung is not None:
        yield _strung(judged.strung)


def _strung(strung: Strung) -> str:
    told = (
        f"The tests one after the other returned {strung.total_return * 100:z.2f} % in {strung.days:,} days "
        f"with {counted(strung.trades, 'trade')}, Sharpe ratio {shown('sharpe', strung.sharpe)} a year, "
        f"largest drawdown {strung.max_drawdown * 100:z.2f} %"
    )
    if strung.skill is None:
        return f"{told}."
    return f"{told}; the probability that their true Sharpe ratio is above 0 is {strung.skill:.2f}."


def _luck_of_splits(swept: Swept, choices: Sequence[Choice]) -> Iterator[str]:
    known = [one for one in choices if one.luck is not None and one.best_by_luck is not None]
    if not known:
        return
    by_luck = fmean(one.best_by_luck for one in known if one.best_by_luck is not None)
    reached = fmean(one.inside.sharpe for one in known if one.inside.sharpe is not None)
    skilled = sum(1 for one in known if one.luck is not None and one.luck.is_skill)
    yield (
        f"Each split chose the best of {_trials(swept, known[0])}: Sharpe ratio {reached:.2f} a year on "
        f"average, where luck alone is expected to show {by_luck:.2f}. In {skilled} of "
        f"{counted(len(known), 'split')} the deflated Sharpe ratio reaches {SKILL}."
    )


def _agreement(found: float) -> str:
    if found > 0.5:
        told = "what did well in sample mostly did well out of sample"
    elif found > 0.2:
        told = "what did well in sample did somewhat better out of sample"
    else:
        told = "how a point did in sample says nothing of how it did out of sample"
    return f"Rank correlation of points in and out of sample {found:.2f}: {told}."


def setting(choice: Choice) -> str:
    """The point as one would type it."""
    return ", ".join(f"{name}={_text(value)}" for name, value in choice.values.items())


def _text(value: object) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)


def _trials(swept: Swept, choice: Choice) -> str:
    """How many were tried, with those of before."""
    earlier = len(swept.earlier.get(choice.split, ()))
    count = earlier if choice.luck is None else choice.luck.trials
    told = counted(count, "trial")
    return f"{told} ({earlier:,} of them in earlier sweeps of these bars)" if earlier else told


def counted(count: int, noun: str) -> str:
    """A number of things: 1 run, 2 runs."""
    return f"{count:,} {noun}" if count == 1 else f"{count:,} {noun}s"
