"""Digests of the files a run was trained and evaluated on."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

Fingerprints = dict[str, dict[str, str]]
"""Subject id -> image or ``label`` -> digest."""


def digest(path: Path) -> str:
    """BLAKE2 digest of a file's content: the same file copied, linked or touched has the same.

    Of a folder, such as a video's, that of its files' names and digests.
    """
    if path.is_dir():
        files = sorted(file for file in path.iterdir() if file.is_file())
        text = "".join(f"{file.name} {digest(file)}\n" for file in files)
        return hashlib.blake2b(text.encode(), digest_size=16).hexdigest()
    with path.open("rb") as file:
        return hashlib.file_digest(file, lambda: hashlib.blake2b(digest_size=16)).hexdigest()


def take_fingerprints(files: Mapping[str, Mapping[str, Path]]) -> Fingerprints:
    """Digests of all files of all subjects, several at a time."""
    pairs = [(subject, key, path) for subject, of in files.items() for key, path in of.items()]
    with ThreadPoolExecutor() as pool:
        digests = list(pool.map(lambda pair: digest(pair[2]), pairs))
    prints: Fingerprints = {subject: {} for subject in files}
    for (subject, key, _), value in zip(pairs, digests, strict=True):
        prints[subject][key] = value
    return prints


def difference(before: Fingerprints, now: Fingerprints) -> str | None:
    """The first thing that changed, in words; None if nothing did."""
    gone, added = _missing(before, now), _missing(now, before)
    if gone:
        return f"{_subjects(gone)} gone"
    if added:
        return f"{_subjects(added)} added"
    for subject, files in now.items():
        changed = [key for key in files if before[subject].get(key) != files[key]]
        if changed:
            return f"the content of {changed[0]} of subject {subject} changed"
    return None


def _missing(these: Fingerprints, there: Fingerprints) -> list[str]:
    return [subject for subject in these if subject not in there]


def _subjects(ids: Sequence[str]) -> str:
    if len(ids) == 1:
        return f"subject {ids[0]} was"
    return f"{len(ids)} subjects ({', '.join(ids[:3])}{', ...' * (len(ids) > 3)}) were"
