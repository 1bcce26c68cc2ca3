"""Pinned packages of PyPI, kept in a folder."""
import os
import subprocess
import sys
import tempfile


def fetch(folder, pinned):
    """Into a folder beside it and then renamed: whoever finds the folder finds it whole. Does nothing if it is there."""
    if os.path.isdir(folder):
        return
    os.makedirs(os.path.dirname(folder), exist_ok=True)
    with tempfile.TemporaryDirectory(dir=os.path.dirname(folder)) as work:
        environment, packages = os.path.join(work, "environment"), os.path.join(work, "packages")
        subprocess.run([sys.executable, "-m", "venv", environment], check=True, stdout=sys.stderr)
        subprocess.run(
            [os.path.join(environment, "bin", "pip"), "install", "--quiet", "--disable-pip-version-check",
             "--no-deps", "--target", packages] + pinned, check=True, stdout=sys.stderr)
        try:
            os.rename(packages, folder)
        except OSError:
            if not os.path.isdir(folder):
                raise
