"""`python -m tests.alembic_project FOLDER`: prepare it below the folder."""

import sys
from pathlib import Path

from tests.alembic_project import prepare

prepare(Path(sys.argv[1]))
