"""Write `docs/machine.md` anew from the machine and from what its exploration sees; takes about a minute.

.venv/bin/python scripts/transitions.py
"""

import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from tests.exploration.docs import page  # noqa: E402
from tests.exploration.report import tour  # noqa: E402
from tests.exploration.setups import CI  # noqa: E402


def main() -> int:
    whole = tour(CI, lambda line: print(line, file=sys.stderr))  # noqa: T201
    if whole.findings:
        sys.stderr.write("The exploration found violations; docs/machine.md was left as it is.\n")
        return 1
    (ROOT / "docs" / "machine.md").write_text(page(whole))
    return 0


if __name__ == "__main__":
    sys.exit(main())
