"""Makes a release on this machine, and publishes nothing: `make release`.

Takes the version from pyproject.toml and its notes from CHANGELOG.md, sets the tag `v<version>`, and puts into `dist/`
the source, the built page, the image where a Docker engine answers, the notes, and the checksums of all of it. The same
commit gives the same bytes again, the image apart.

Refuses, with a sentence, where something is not committed, where CHANGELOG.md has no dated heading for the version, and
where the tag names another commit already.
"""

from __future__ import annotations

import gzip
import hashlib
import re
import shutil
import subprocess
import sys
import tarfile
import tomllib
from io import BytesIO
from pathlib import Path
from typing import NoReturn

ROOT = Path(__file__).resolve().parent.parent
DIST = ROOT / "dist"


def refuse(sentence: str) -> NoReturn:
    raise SystemExit(f"release: {sentence}")


def git(*arguments: str) -> str:
    return subprocess.run(["git", *arguments], cwd=ROOT, check=True, stdout=subprocess.PIPE, text=True).stdout.strip()


def version() -> str:
    found = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
    assert isinstance(found, str)
    return found


def notes_of(version: str, changelog: str) -> str:
    """What `changelog` says under the heading `## <version> (YYYY-MM-DD)`. Raises `SystemExit` where it has none."""
    heading = rf"^## {re.escape(version)} \((\d{{4}}-\d\d-\d\d)\)\n(.*?)(?=^## |\Z)"
    match = re.search(heading, changelog, re.MULTILINE | re.DOTALL)
    if match is None:
        refuse(f"CHANGELOG.md has no heading “## {version} (YYYY-MM-DD)”. Write what has changed, with the day.")
    return match[2].strip() + "\n"


def tag(name: str, notes: str) -> None:
    """An annotated tag on this commit; there already is one from an earlier try, perhaps."""
    here = git("rev-parse", "HEAD")
    if git("tag", "--list", name):
        there = git("rev-list", "-n", "1", name)
        if there != here:
            refuse(f"{name} is the commit {there[:10]} already. Raise the version in pyproject.toml.")
        return
    subprocess.run(["git", "tag", "--annotate", name, "--file", "-"], cwd=ROOT, check=True, input=notes, text=True)


def source(target: Path, prefix: str) -> None:
    """The commit's files, and nothing that lies about."""
    archive = subprocess.run(
        ["git", "archive", "--format=tar", f"--prefix={prefix}/", "HEAD"], cwd=ROOT, check=True, stdout=subprocess.PIPE
    ).stdout
    target.write_bytes(gzip.compress(archive, mtime=0))


def page(target: Path, prefix: str) -> None:
    """The built page, in the order of its names, with no times and no owner in it."""
    built = ROOT / "web" / "dist"
    plain = BytesIO()
    with tarfile.open(fileobj=plain, mode="w") as archive:
        for path in sorted(p for p in built.rglob("*") if p.is_file()):
            entry = tarfile.TarInfo(f"{prefix}/{path.relative_to(built)}")
            entry.size, entry.mode = path.stat().st_size, 0o644
            with path.open("rb") as file:
                archive.addfile(entry, file)
    target.write_bytes(gzip.compress(plain.getvalue(), mtime=0))


def image(target: Path, name: str) -> bool:
    """Whether there is a Docker engine that could build it."""
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    if shutil.which("docker") is None or subprocess.run(["docker", "info"], **quiet).returncode:  # type: ignore[call-overload]
        return False
    subprocess.run(["docker", "build", "--target", "homin", "--tag", name, "."], cwd=ROOT, check=True)
    subprocess.run(["docker", "save", "--output", str(target), name], cwd=ROOT, check=True)
    return True


def main() -> None:
    if changed := git("status", "--porcelain"):
        refuse(f"something is not committed:\n{changed}")
    number = version()
    notes = notes_of(number, (ROOT / "CHANGELOG.md").read_text())
    tag(f"v{number}", notes)
    shutil.rmtree(DIST, ignore_errors=True)
    DIST.mkdir()
    (DIST / "NOTES.md").write_text(notes)
    source(DIST / f"homin-{number}.tar.gz", f"homin-{number}")
    page(DIST / f"homin-web-{number}.tar.gz", f"homin-web-{number}")
    if not image(DIST / f"homin-{number}.image.tar", f"homin:{number}"):
        print("release: no Docker engine answers, so there is no image.", file=sys.stderr)
    made = sorted(DIST.iterdir())
    sums = [f"{hashlib.sha256(path.read_bytes()).hexdigest()}  {path.name}\n" for path in made]
    (DIST / "SHA256SUMS").write_text("".join(sums))
    print(f"v{number} is tagged. In dist/: {', '.join(path.name for path in [*made, DIST / 'SHA256SUMS'])}")
    print(f"Nothing is published. To do so: git push origin v{number}, and upload what is in dist/.")


if __name__ == "__main__":
    main()
