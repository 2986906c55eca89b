from __future__ import annotations

import sys
from pathlib import Path

# The helper module is shared with the browser tests.
sys.path.append(str(Path(__file__).parents[1] / "browser"))
