# Copyright: (c) 2026, the argo.workflows authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Install pip into a fresh virtual environment for ansible-test, from the interpreter's own ensurepip."""

from __future__ import annotations

import subprocess
import sys

NOT_PIPS = {"--no-setuptools", "--no-wheel"}

subprocess.check_call([sys.executable, "-m", "ensurepip"])
subprocess.check_call([sys.executable, "-m", "pip", "install", *(arg for arg in sys.argv[1:] if arg not in NOT_PIPS)])
