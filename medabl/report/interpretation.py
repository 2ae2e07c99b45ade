"""Statistics turned into plain sentences that claim no more than the numbers carry."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from medabl.report.analysis import Analysis
from medabl.report.collapse import Collapse
from medabl.report.comparisons import Comparison
from medabl.report.run_warnings import warnings_of_runs
from medabl.report.runs import Runs
from medabl.report.words import CHECKPOINT_NAMES, count, format_p, listed
from medabl.statistics import value_when_chosen_by_others


@dataclass(frozen=True)
class Answer:
    """What to tell a person who has to choose.

    Args:
        headline: the recommendation in one sentence.
        certainty: how sure to be of it.
        details: one sentence a comparison, on the metric that decides.
        warnings: what would mislead a reader who stopped at the numbers.
        basis: on which subjects the epoch was chosen and evaluated; empty for CSVs.
    """

    headline: str
    certainty: str
    details: tuple[str, ...]
    warnings: tuple[str, ...]
    basis: str = ""

    @property
    def lines(self) -> list[str]:
        """All sentences, for a terminal or a Markdown file."""
        marked = [f"Warning: {warning}" for warning in self.warnings]
        said = (self.headline, self.basis, self.certainty)
        return [*filter(None, said), *self.details, *marked]


def verdict(comparison: Comparison, labels: Mapping[str, str]) -> str:
    """Say in a sentence or two which of two methods is better and whether that is noise.

    Args:
        comparison: from `compare_methods`.
        labels: method -> name for people.
    """
    c, metric = comparison, comparison.metric
    sample = f"{count(c.subjects, 'subject')} and {count(c.seeds, 'seed')}"
    names = f"{labels[c.method]} and {labels[c.reference]}"
    if c.subjects == 0:
        return f"{names} cannot be compared on {metric.label}: no subject has a value in both."
    if c.difference == 0:
        return f"{names} have the same mean {metric.label} with {sample}."
    swap = c.difference < 0
    first, second = (c.reference, c.method) if swap else (c.method, c.reference)
    low, high = (-c.high, -c.low) if swap else (c.low, c.high)
    if not metric.higher_is_better:
        # The better method comes first, also where better means lower.
        first, second = second, first
    word = "higher" if metric.higher_is_better else "lower"
    unit = f" {metric.unit}" if metric.unit else ""
    interval = "" if low != low else f" [{metric.format(low)}, {metric.format(high)}]"
    claim = (
        f"{labels[first]} has {word} {metric.label} than {labels[second]} by "
        f"{metric.format(abs(c.difference))}{unit}{interval}"
    )
    corrected = ", Holm-corrected" if c.family > 1 else ""
    test = f"Wilcoxon {format_p(c.p_holm)}{corrected}"
    if not c.can_conclude:
        return (
            f"{claim}; no conclusion is possible with {sample}, since not even the most "
            f"one-sided outcome could be significant (smallest possible p = {c.smallest_p:.2f})."
        )
    if c.distinguishable:
        return f"{claim}; this is distinguishable from noise with {sample} ({test})."
    disagreement = ""
    if c.p_holm <= 0.05:
        disagreement = ", but the interval includes no difference"
    return (
        f"{claim}; this is not distinguishable from noise with {sample} ({test}{disagreement}); "
        f"a difference of {metric.format(c.detectable)}{unit} would be found in four of five cases."
    )


def answer(analysis: Analysis) -> Answer:
    """Say which method to use, how sure to be, and what to beware of."""
    runs, checkpoint = analysis.runs, analysis.main_checkpoint
    comparisons = analysis.of(runs.primary, checkpoint)
    leader = _leader(analysis, checkpoint) if comparisons else None
    if not comparisons:
        only = next(iter(runs.methods.values()))
        headline = f"Only {only} was given: there is nothing to compare it with."
        certainty = ""
    elif leader is None:
        headline = f"The {_noun(analysis)} cannot be compared on {runs.primary.label}."
        certainty = "No subject has a value under every one of them."
    else:
        headline = _headline(analysis, leader, comparisons)
        certainty = _certainty(analysis, leader, checkpoint)
    return Answer(
        headline=headline,
        certainty=certainty,
        details=tuple(verdict(c, runs.methods) for c in comparisons if leader is not None),
        warnings=tuple(_warnings(analysis, leader)),
        basis=_basis(analysis),
    )


def _basis(analysis: Analysis) -> str:
    """Say on which subjects the epoch was chosen: the same ones make its numbers optimistic."""
    runs, checkpoint = analysis.runs, analysis.main_checkpoint
    if checkpoint == "file":
        return ""
    subjects = runs.subjects(checkpoint)["subject"].nunique()
    if runs.tested:
        chosen = (
            "Best epoch chosen on validation subjects" if checkpoint == "best" else "Last epoch"
        )
        return f"{chosen}, evaluated on {count(subjects, 'test subject')}."
    if checkpoint == "last":
        return f"Last epoch, evaluated on {count(subjects, 'validation subject')}."
    return (
        f"No test set: the best epoch was chosen on the same {count(subjects, 'subject')} it is "
        "evaluated on, which flatters it."
    )


def _noun(analysis: Analysis, plural: bool = True) -> str:
    """Runs of medabl differ in their loss; CSVs may come from anything."""
    losses = all(run.folder is not None for run in analysis.runs.runs)
    if plural:
        return "losses" if losses else "methods"
    return "loss" if losses else "method"


def _leader(analysis: Analysis, checkpoint: str) -> str | None:
    ranks = analysis.ranks[checkpoint]["rank"].dropna()
    return None if ranks.empty else str(ranks.idxmin())


def _headline(analysis: Analysis, leader: str, comparisons: Sequence[Comparison]) -> str:
    labels = analysis.runs.methods
    mine = [c for c in comparisons if leader in (c.method, c.reference)]
    others = {c: c.reference if c.method == leader else c.method for c in mine}
    beaten = [labels[others[c]] for c in mine if c.distinguishable and c.better == leader]
    level = [labels[others[c]] for c in mine if not (c.distinguishable and c.better == leader)]
    if not any(c.can_conclude for c in mine):
        return f"Too few subjects to choose a {_noun(analysis, plural=False)}."
    if beaten and _noun(analysis) == "losses" and len(analysis.runs.seeds(leader)) == 1:
        return f"{labels[leader]} did best in these runs, but one seed does not choose a loss."
    # The evidence is for the checkpoint compared; the last one of a collapsed run is another model.
    collapsed = analysis.main_checkpoint == "best" and any(
        collapse.method == leader for collapse in analysis.collapses
    )
    which = ", from its best epoch only" if collapsed else ""
    if not level and len(mine) == len(labels) - 1:
        return f"Use {labels[leader]}{which}."
    if not level:
        return f"Use {labels[leader]} rather than {listed(beaten)}{which}."
    if beaten:
        return f"Use {listed([labels[leader], *level], 'or')}, not {listed(beaten, 'or')}."
    if len(mine) < len(labels) - 1:
        return f"No {_noun(analysis, plural=False)} is better than {listed(level)} beyond noise."
    return f"The {_noun(analysis)} cannot be told apart on these data."


def _certainty(analysis: Analysis, leader: str, checkpoint: str) -> str:
    runs = analysis.runs
    metric, label = runs.primary, runs.methods[leader]
    best = "highest" if metric.higher_is_better else "lowest"
    when = "" if checkpoint == "file" else f" ({CHECKPOINT_NAMES[checkpoint]})"
    claim = f"{label} has the {best} mean {metric.label}{when}"
    share = float(analysis.ranks[checkpoint]["first"][leader])
    chosen = _when_chosen(analysis, leader, checkpoint)
    if not any(c.can_conclude for c in analysis.of(metric, checkpoint)):
        most = max(c.subjects for c in analysis.of(metric, checkpoint))
        return (
            f"{claim}, but {count(most, 'subject')} cannot tell whether others would agree.{chosen}"
        )
    return f"{claim} and ranks first in {share:.0%} of resamples of subjects and seeds.{chosen}"


def _when_chosen(analysis: Analysis, leader: str, checkpoint: str) -> str:
    """What the winner is worth to the next subject, where there were several to choose among."""
    runs, metric = analysis.runs, analysis.runs.primary
    values = runs.values(metric, checkpoint)
    chosen = value_when_chosen_by_others(values, metric.higher_is_better)
    if len(values) < 3 or chosen != chosen:
        return ""
    own = float(values[leader].mean(axis=1).mean())
    unit = f" {metric.unit}" if metric.unit else ""
    return (
        f" The winner of a comparison is flattered by it: its mean is {metric.format(own)}{unit}, "
        f"while subjects under the {_noun(analysis, plural=False)} that was best on the others "
        f"have {metric.format(chosen)}{unit}."
    )


def _warnings(analysis: Analysis, leader: str | None) -> list[str]:
    runs = analysis.runs
    found = [
        collapse_sentence(runs, method, collapsed)
        for method in runs.methods
        if (collapsed := [c for c in analysis.collapses if c.method == method])
    ]
    if leader is not None and "last" in runs.checkpoints and analysis.main_checkpoint == "best":
        last = _leader(analysis, "last")
        if last is not None and last != leader:
            found.append(
                f"The order depends on the epoch: at the last epoch {runs.methods[last]} has the "
                f"best mean {runs.primary.label}."
            )
    single = [label for method, label in runs.methods.items() if len(runs.seeds(method)) == 1]
    if single and leader is not None:
        who = listed(single) if len(single) < 4 else f"{len(single)} methods"
        found.append(
            f"{who} {'was' if len(single) == 1 else 'were'} trained with one seed: the "
            "intervals hold the spread over subjects only, and another seed may change the order."
        )
    if any(run.tested for run in runs.trained) and not runs.tested:
        found.append(
            "Some runs were evaluated on a test set and others on the subjects their epoch was "
            "chosen on: the latter are flattered."
        )
    return found + warnings_of_runs(runs)


def collapse_sentence(runs: Runs, method: str, collapsed: Sequence[Collapse]) -> str:
    """Say how far the collapsed runs of a method fall."""
    total = len(runs.of(method))
    # Means of unlike measures would be meaningless, so only those of the first kind are averaged.
    alike = [c for c in collapsed if c.measure == collapsed[0].measure]
    best = sum(c.best for c in alike) / len(alike)
    last = sum(c.last for c in alike) / len(alike)
    moves = "falls" if last < best else "rises"
    return (
        f"{runs.methods[method]} collapses in {len(collapsed)} of "
        f"{count(total, 'run')}: its {collapsed[0].measure} {moves} from {best:.2f} at the best "
        f"epoch to {last:.2f} at the last one. The best epoch hides this; do not use its last "
        "checkpoint."
    )
