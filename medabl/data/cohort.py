"""The subjects of a run and who of them trains, validates and tests."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from medabl.data.split import Split, Validation, split_subjects
from medabl.data.subject import Subject
from medabl.data.subjects import find_subjects
from medabl.fingerprints import Fingerprints, take_fingerprints


@dataclass(frozen=True)
class Cohort:
    """Subjects and their split.

    Attributes:
        subjects: all of them.
        split: the ids of each side.
    """

    subjects: tuple[Subject, ...]
    split: Split

    @property
    def train(self) -> list[Subject]:
        """Those trained on."""
        return self._of(self.split["train"])

    @property
    def val(self) -> list[Subject]:
        """Those that decide which epoch is best."""
        return self._of(self.split["val"])

    @property
    def test(self) -> list[Subject]:
        """Those kept for a test; perhaps none."""
        return self._of(self.split["test"])

    @property
    def evaluated(self) -> list[Subject]:
        """The test subjects, or without a test set the validation subjects."""
        return self.test or self.val

    @cached_property
    def fingerprints(self) -> Fingerprints:
        """A digest of the content of each file of each subject."""
        return take_fingerprints({subject.id: subject.files for subject in self.subjects})

    def _of(self, ids: Sequence[str]) -> list[Subject]:
        by_id = {subject.id: subject for subject in self.subjects}
        return [by_id[i] for i in ids]


def load_cohort(
    data: str | Path,
    modalities: Sequence[str],
    mask_name: str | None = None,
    validation: Validation = 10,
    test: float | Sequence[str] | None = None,
    folds: int | None = None,
    fold: int = 0,
    split: str | Path | None = None,
    split_seed: int = 0,
    group_by: str | int = "auto",
) -> Cohort:
    """Find the subjects below a folder and split them.

    Args:
        data: the folder, or a table of subjects.
        modalities: images that every subject must have, in channel order.
        mask_name: what masks are called, where the layout leaves it open.
        validation: how many subjects validate, or below 1 their share, or ``official``.
        test: how many are kept for a test, or below 1 their share, or their ids; None: none.
        folds: number of folds of a cross-validation, None for a single split.
        fold: which fold validates, from 0.
        split: a JSON file with the ids of each side, instead of `validation`, `test` and `folds`.
        split_seed: seed of the split.
        group_by: what makes scans one patient's, as in `groups_of`.

    Raises:
        InputError: if there are no such subjects, or they cannot be split like that.
    """
    subjects = find_subjects(data, modalities, mask_name=mask_name)
    parts = split_subjects(
        subjects,
        validation=validation,
        test=test,
        folds=folds,
        fold=fold,
        seed=split_seed,
        path=split,
        group_by=group_by,
    )
    return Cohort(tuple(subjects), parts)
