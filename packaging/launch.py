"""What the packaged program runs first."""

import sys

from latentlab.cli import main

sys.exit(main())
