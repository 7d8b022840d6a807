"""``python -m airflow_integrations.demo``"""

from __future__ import annotations

import sys

from airflow_integrations.demo.command import main

if __name__ == "__main__":
    sys.exit(main())
