"""What the image is made of: the locked packages and the rooms; what it leaves out nobody opens."""

import os
import re
import runpy
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement

from benchmarks.bench_image import LOCK, installed_bytes, locked
from templates.trim import APIS, is_trimmed, trimmed

ROOT = Path(__file__).resolve().parents[2]
DOCKERFILE = (ROOT / "templates" / "Dockerfile").read_text(encoding="utf-8")
SETUP = (ROOT / "setup.py").read_text(encoding="utf-8")
LOCAL = {"bqemulator", "duckdb", "pytest", "mypy", "hypothesis", "ruff", "uv"}


def test_every_package_of_the_image_is_pinned_with_its_hashes_and_none_is_of_one_machine() -> None:
    lock = LOCK.read_text(encoding="utf-8")
    blocks = re.split(r"\n(?=\S)", lock.strip())
    assert all("--hash=sha256:" in block for block in blocks)
    assert "--require-hashes" in DOCKERFILE and "pip check" in DOCKERFILE
    names = {re.split(r"[\[=]", block)[0] for block in blocks}
    assert "apache-beam" in names and not names & LOCAL


def test_the_lock_has_what_setup_py_pins() -> None:
    runtime = SETUP.partition("RUNTIME = [")[2].partition("]\nLOCAL")[0]
    pins = [Requirement(pin) for pin in re.findall(r'"([^"]+==[^"]+)"', runtime)]
    assert len(pins) > 20
    lock = LOCK.read_text(encoding="utf-8")
    for pin in pins:
        written = rf"^{re.escape(pin.name)}(\[\w+\])?{re.escape(str(pin.specifier))} "
        assert re.search(written, lock, re.MULTILINE), f"{pin}: run `make lock`"


def test_launcher_boot_program_and_packages_are_of_one_version_of_beam_and_python() -> None:
    (beam,) = re.findall(r"apache-beam\[gcp\]==([\d.]+)", SETUP)
    assert f"ARG BEAM={beam}\n" in DOCKERFILE
    bases = (ROOT / "templates" / "bases.env").read_text(encoding="utf-8")
    (python,) = re.findall(r"^PYTHON_IMAGE=python:([\d.]+)-", bases, re.MULTILINE)
    assert f"python{python.replace('.', '')}-template-launcher-base" in bases
    assert f"beam_python{python}_sdk:{beam}" in bases
    (lowest,) = re.findall(r'python_requires=">=([\d.]+)', SETUP)
    assert python == lowest


def test_the_image_holds_every_room_and_begins_where_the_launcher_looks() -> None:
    rooms = re.findall(r'"(\w+)"', "".join(re.findall(r"ROOMS = \[.*?\]", SETUP)))
    copied = set(re.findall(r"^COPY (\w+) /opt/salesintel/", DOCKERFILE, re.MULTILINE))
    assert copied == set(rooms)
    (entry,) = re.findall(r"FLEX_TEMPLATE_PYTHON_PY_FILE=(\S+)", DOCKERFILE)
    assert f"COPY templates/main.py {entry}\n" in DOCKERFILE
    for name in ("FLEX_TEMPLATE_PYTHON_REQUIREMENTS_FILE=", "FLEX_TEMPLATE_PYTHON_SETUP_FILE="):
        assert name not in DOCKERFILE
    kept = (ROOT / ".dockerignore").read_text(encoding="utf-8")
    for part in (*rooms, "templates", "requirements.txt"):
        assert f"!{part}\n" in kept


def test_the_build_pushes_the_image_that_terraform_runs() -> None:
    build = yaml.safe_load((ROOT / "templates" / "cloudbuild.yaml").read_text(encoding="utf-8"))
    pushed = build["substitutions"]["_IMAGE"]
    names = {"${_REGION}": "${var.region}", "${PROJECT_ID}": "${var.project}"}
    for ours, theirs in (names | {"${_RELEASE}": "${var.release}"}).items():
        pushed = pushed.replace(ours, theirs)
    assert f'"{pushed}"' in (ROOT / "terraform" / "locals.tf").read_text(encoding="utf-8")
    assert build["images"] == ["${_IMAGE}"]
    # Cloud Build takes every other dollar for a name of its own.
    told = " ".join(str(word) for step in build["steps"] for word in step["args"])
    assert not re.findall(r"(?<!\$)\$(?![$_{])", told.replace("$$", ""))


def test_containers_of_cloud_run_name_the_command_for_the_entry_point_is_that_of_workers() -> None:
    assert DOCKERFILE.rstrip().endswith('ENTRYPOINT ["/opt/apache/beam/boot"]')
    assert "templates/salesintel /usr/local/bin/salesintel\n" in DOCKERFILE
    command = (ROOT / "templates" / "salesintel").read_text(encoding="utf-8")
    assert "from operations.entry import main\n" in command
    connectors = (ROOT / "terraform" / "connectors.tf").read_text(encoding="utf-8")
    images = re.findall(r"image += local\.image\n +(\w+) += (.*)", connectors)
    assert images == [("command", '["salesintel"]')] * 2


def test_commands_are_not_root_and_what_is_mounted_is_their_users() -> None:
    (user,) = re.findall(r"useradd --uid (\d+) .* (\w+)\n", DOCKERFILE)
    command = (ROOT / "templates" / "salesintel").read_text(encoding="utf-8")
    assert user[1] == runpy.run_path(str(ROOT / "templates" / "salesintel"))["USER"]
    # Nothing of ours is loaded by root.
    assert command.index("become(USER)") < command.index("from operations")
    mounted = f'mounted = ["uid={user[0]}", "gid={user[0]}"]'
    assert mounted in (ROOT / "terraform" / "locals.tf").read_text(encoding="utf-8")
    connectors = (ROOT / "terraform" / "connectors.tf").read_text(encoding="utf-8")
    assert connectors.count("gcs {") == connectors.count("mount_options = local.mounted") == 2


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become somebody else")
def test_who_has_become_another_is_never_root_again() -> None:
    tried = f"""
import os, runpy
runpy.run_path({str(ROOT / "templates" / "salesintel")!r}, run_name="loaded")["become"]("nobody")
print(os.getuid() > 0, os.geteuid() > 0, os.getgid() > 0, os.getgroups())
try:
    os.setuid(0)
except PermissionError:
    print("never again")
"""
    done = subprocess.run([sys.executable, "-c", tried], capture_output=True, text=True, timeout=60)
    assert done.stdout.split("\n")[:2] == ["True True True []", "never again"], done.stderr


def test_what_is_trimmed_is_opened_by_nobody(tmp_path: Path) -> None:
    documents = "googleapiclient/discovery_cache/documents"
    called = {
        f"{name}.{version}.json"
        for path in (ROOT / "connectors").rglob("*.py")
        for name, version in re.findall(
            r'\bapi\("(\w+)", "(\w+)"', path.read_text(encoding="utf-8")
        )
    }
    assert called == APIS
    assert not any(is_trimmed(f"{documents}/{name}") for name in called)
    goes = {f"{documents}/compute.v1.json", "pyarrow/tests/a.py", "numpy/_core/tests/a.py"}
    stays = {f"{documents}/gmail.v1.json", "pyarrow/lib.so", "numpy/testing/a.py", "x/tests/a.py"}
    for name in goes | stays:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    assert {path.relative_to(tmp_path).as_posix() for path in trimmed(tmp_path)} == goes


def test_a_package_that_is_not_installed_is_said_to_be_missing() -> None:
    pins = ("a-b==1.0", "c[d]==2 ; sys_platform == 'win32'")
    lock = "".join(f"{pin} \\\n    --hash=sha256:0\n" for pin in pins)
    assert locked(lock) == ["a-b"]
    with pytest.raises(LookupError, match="a-b is locked and not installed"):
        installed_bytes("a-b")
