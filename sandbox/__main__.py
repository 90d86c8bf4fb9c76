"""`python -m sandbox`: see cli.py."""

import sys

from sandbox.cli import main

sys.exit(main())
