"""Version of the code, once as text and once as a number that compares as one."""

VERSION = "0.1.0"


def version_number(version: str = VERSION) -> int:
    """`1.2.3` as 1_002_003, so that 0.10.0 is newer than 0.9.0."""
    major, minor, patch = (int(part) for part in version.split("."))
    return major * 1_000_000 + minor * 1_000 + patch


PIPELINE_VERSION = version_number()
