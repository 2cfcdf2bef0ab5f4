"""Packaging of the whole tree, and the one list of what it depends on.

`make lock` resolves these pins to requirements.txt (the runtime image: complete, with hashes) and
requirements-local.txt (the same and the one-machine stack and the tests).
"""

from pathlib import Path

from setuptools import find_packages, setup

ROOT = Path(__file__).parent
VERSION = next(
    line.split('"')[1]
    for line in (ROOT / "schemas" / "version.py").read_text(encoding="utf-8").splitlines()
    if line.startswith("VERSION = ")
)
RUNTIME_ROOMS = ["schemas", "connectors", "transforms", "pipelines", "warehouse", "operations"]
ONE_MACHINE_ROOMS = ["embedded", "sandbox"]

RUNTIME = [
    # 2.67 to 2.75 leak memory whenever bundles keep failing: apache/beam#39406.
    "apache-beam[gcp]==2.77.0",
    "google-api-python-client==2.202.0",
    "google-auth-httplib2==0.2.1",
    "google-cloud-bigquery==3.47.0",
    "google-cloud-bigquery-storage==2.43.0",
    "google-cloud-pubsub==2.44.0",
    "google-cloud-secret-manager==2.32.0",
    "google-cloud-storage==3.17.1",
    "httplib2==0.32.1",
    "hubspot-api-client==12.0.0",
    "jellyfish==1.3.0",
    "msgspec==0.22.0",
    "packaging==26.3",
    "phonenumbers==9.0.43",
    "pyjwt[crypto]==2.15.1",
    "pyyaml==6.0.3",
    "requests==2.34.2",
    "rich==15.0.0",
    "simple-salesforce==1.12.10",
    "sqlglot==30.11.0",
    "starlette==1.10.0",
    "typer==0.29.2",
    "uvicorn==0.54.0",
]
LOCAL = [
    # bqemulator 1.4.0 loads DuckDB's spatial extension from these exact wheels.
    "bqemulator==1.4.0",
    "duckdb==1.5.5",
    "duckdb-extension-spatial==1.5.5",
    "duckdb-extensions==1.5.5",
]
TESTS = [
    "bandit==1.9.4",
    "hypothesis==6.170.15",
    "mypy==2.4.1",
    "pip-audit==2.10.1",
    # 9.2 no longer shows the groups that pytest-xdist 3.8 puts into node ids, and so breaks them.
    "pytest==9.1.1",
    "pytest-cov==7.1.0",
    "pytest-timeout==2.4.0",
    "pytest-xdist==3.8.0",
    "ruff==0.17.6",
    "types-pyyaml==6.0.12.20261113",
    "uv==0.13.9",
]

setup(
    name="salesintel",
    version=VERSION,
    description="Every customer interaction in one deduplicated stream, resolved to real people.",
    python_requires=">=3.11,<3.13",
    packages=find_packages(
        include=[
            pattern for room in RUNTIME_ROOMS + ONE_MACHINE_ROOMS for pattern in (room, f"{room}.*")
        ]
    ),
    package_data={
        "operations": ["costs/*.toml"],
        "warehouse": ["views/*/*/*", "views/*/*/tests/*"],
    },
    install_requires=RUNTIME,
    extras_require={"local": LOCAL + TESTS},
    entry_points={"console_scripts": ["salesintel=operations.entry:main"]},
)
