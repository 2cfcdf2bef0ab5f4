"""Packaging of the whole tree: the wheel that the runtime image and `pip install -e .` use."""

from pathlib import Path

from setuptools import find_packages, setup

ROOT = Path(__file__).parent
VERSION = next(
    line.split('"')[1]
    for line in (ROOT / "schemas" / "version.py").read_text(encoding="utf-8").splitlines()
    if line.startswith("VERSION = ")
)
ROOMS = ["schemas", "connectors", "transforms", "pipelines", "warehouse", "operations"]
ONE_MACHINE = ["embedded", "sandbox"]

setup(
    name="salesintel",
    version=VERSION,
    description="Every customer interaction in one deduplicated stream, resolved to real people.",
    python_requires=">=3.11,<3.13",
    packages=find_packages(
        include=[p for room in ROOMS + ONE_MACHINE for p in (room, f"{room}.*")]
    ),
    package_data={"warehouse": ["views/*/*/*", "views/*/*/tests/*"]},
    entry_points={"console_scripts": ["salesintel=operations.cli:main"]},
)
