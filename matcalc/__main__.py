"""`python -m matcalc` is `matcalc`."""

import sys

from .cli import main

sys.exit(main())
