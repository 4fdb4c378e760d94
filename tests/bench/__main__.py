"""`python -m tests.bench compare parts`, `… curves`, `… rooms bodies`: measures these sections of RESULTS.md anew.

Without any name it only draws the plots and writes RESULTS.md from the figures that are there.
"""

from __future__ import annotations

import argparse
import sys
from dataclasses import asdict
from pathlib import Path

from tests.bench import compare, micro, parts, results_file
from tests.bench.curves import CURVES
from tests.bench.load import LoadFailed
from tests.bench.machine import provenance
from tests.bench.section import Effort
from tests.bench.serving import DidNotServe

SECTIONS = (compare.SECTION, parts.SECTION, micro.SECTION, *CURVES)
HERE = Path(__file__).resolve().parent


def main() -> None:
    by_name = {section.name: section for section in SECTIONS}
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__)
    parser.add_argument("sections", nargs="*", metavar="SECTION", help=f"curves, {', '.join(by_name)}")
    parser.add_argument("--seconds", type=float, default=Effort.seconds, help="of each point")
    parser.add_argument("--rounds", type=int, default=Effort.rounds, help="of each point; the median counts")
    parser.add_argument("--minutes", type=float, default=Effort.minutes, help="of steady load")
    parser.add_argument("--small", action="store_true", help="a trial: few connections, few rows")
    parser.add_argument("--into", type=Path, default=HERE, metavar="FOLDER", help="where RESULTS.md and results/ are")
    parser.add_argument("--base", metavar="COMMIT", help="compare: also measure this commit, beside")
    given = parser.parse_args()
    names = [name for word in given.sections for name in ([c.name for c in CURVES] if word == "curves" else [word])]
    if unknown := [name for name in names if name not in by_name]:
        parser.error(f"there is no section {', '.join(unknown)}; there are: curves, {', '.join(by_name)}")
    if given.small and given.into == HERE:
        parser.error("a trial must not replace real figures: say --into FOLDER")
    effort = Effort(given.seconds, given.rounds, given.minutes, given.small, given.base)
    failed = False
    for name in names:
        section = by_name[name]
        print(f"── {section.title}", file=sys.stderr, flush=True)
        try:
            data = section.measure(effort)
        except (LoadFailed, DidNotServe) as why:
            print(f"{name}: {why}", file=sys.stderr)
            failed = True
            continue
        data["small"] = given.small
        command = section.command.format(**asdict(effort))
        results_file.save(given.into, section, data, provenance(command, data.pop("servers")))
        results_file.draw(given.into, section)
        results_file.write(given.into, SECTIONS)
        print("\n".join(section.tell(data)), flush=True)
    if not names:
        for section in SECTIONS:
            results_file.draw(given.into, section)
        results_file.write(given.into, SECTIONS)
    sys.exit(failed)


if __name__ == "__main__":
    main()
