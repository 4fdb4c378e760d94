"""`make release`: what it takes, and what it refuses. The whole of it is tried in a clone."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
import tarfile
from pathlib import Path

import pytest

from tools.release import notes_of

ROOT = Path(__file__).parents[2]
CHANGES = "# Changes\n\n## 9.9.9 (2026-01-02)\n\n- One thing.\n\n## 9.9.8 (2026-01-01)\n\n- Another.\n"


def test_the_notes_are_what_the_changelog_says_of_that_version() -> None:
    assert notes_of("9.9.9", CHANGES) == "- One thing.\n"
    assert notes_of("9.9.8", CHANGES) == "- Another.\n"


@pytest.mark.parametrize("changelog", ["# Changes\n", CHANGES.replace("2026-01-02", "not released")])
def test_a_version_without_a_dated_heading_is_not_released(changelog: str) -> None:
    with pytest.raises(SystemExit, match=r"no heading “## 9\.9\.9"):
        notes_of("9.9.9", changelog)


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    """A commit with a version of its own, and a page that counts as built."""
    place = tmp_path / "clone"
    place.mkdir()
    for name in ("pyproject.toml", "CHANGELOG.md", "tools/release.py", ".gitignore"):
        (place / name).parent.mkdir(exist_ok=True)
        (place / name).write_bytes((ROOT / name).read_bytes())
    project = (place / "pyproject.toml").read_text()
    (place / "pyproject.toml").write_text(project.replace('\nversion = "', '\nversion = "9.9.9"\n_was = "', 1))
    (place / "CHANGELOG.md").write_text(CHANGES)
    (place / "web" / "dist").mkdir(parents=True)
    (place / "web" / "dist" / "index.html").write_text("<!doctype html>")
    for command in (["init", "-q"], ["add", "-A"], ["commit", "-q", "-m", "a release"]):
        subprocess.run(["git", *command], cwd=place, check=True, env=environment())
    return place


def environment() -> dict[str, str]:
    who = {f"GIT_{role}_{what}": value for role in ("AUTHOR", "COMMITTER") for what, value in
           (("NAME", "Olena"), ("EMAIL", "olena@example.org"))}  # fmt: skip
    return {**os.environ, **who, "GIT_CONFIG_GLOBAL": os.devnull, "DOCKER_HOST": "unix:///nowhere"}


def release(place: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-B", "tools/release.py"], cwd=place, env=environment(), capture_output=True, text=True
    )


def test_a_release_is_a_tag_and_archives_with_checksums(clone: Path) -> None:
    ended = release(clone)
    assert ended.returncode == 0, ended.stderr
    tags = subprocess.run(["git", "tag", "--list"], cwd=clone, capture_output=True, text=True).stdout.split()
    assert tags == ["v9.9.9"]
    with tarfile.open(clone / "dist" / "homin-9.9.9.tar.gz") as source:
        assert "homin-9.9.9/tools/release.py" in source.getnames()
    with tarfile.open(clone / "dist" / "homin-web-9.9.9.tar.gz") as page:
        assert page.getnames() == ["homin-web-9.9.9/index.html"]
    lines = (clone / "dist" / "SHA256SUMS").read_text().splitlines()
    sums = {name: digest for digest, name in (line.split("  ") for line in lines)}
    assert set(sums) >= {"NOTES.md", "homin-9.9.9.tar.gz", "homin-web-9.9.9.tar.gz"}
    for name, digest in sums.items():
        assert hashlib.sha256((clone / "dist" / name).read_bytes()).hexdigest() == digest


def test_the_same_commit_gives_the_same_bytes_again(clone: Path) -> None:
    assert release(clone).returncode == 0
    first = (clone / "dist" / "SHA256SUMS").read_text()
    assert release(clone).returncode == 0
    assert (clone / "dist" / "SHA256SUMS").read_text() == first


def test_what_is_not_committed_is_not_released(clone: Path) -> None:
    (clone / "CHANGELOG.md").write_text("# Changes\n")
    ended = release(clone)
    assert ended.returncode == 1
    assert "not committed" in ended.stderr


def test_a_version_that_is_tagged_elsewhere_is_not_released_again(clone: Path) -> None:
    assert release(clone).returncode == 0
    (clone / "more").write_text("more")
    for command in (["add", "-A"], ["commit", "-q", "-m", "more"]):
        subprocess.run(["git", *command], cwd=clone, check=True, env=environment())
    ended = release(clone)
    assert ended.returncode == 1
    assert "Raise the version" in ended.stderr
