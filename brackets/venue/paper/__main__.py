"""`python -m brackets.venue.paper`: the paper venue standing alone, without Django."""

import sys

from brackets.venue.paper.cli import main

sys.exit(main())
