"""The commands on who is who, over a file of records."""

import json
import re
from pathlib import Path

from typer.testing import CliRunner, Result

from operations import cli
from transforms.identity.weighed.weights import SHIPPED, write_model

RECORDS = """id,truth,kind,first,last,email,phone,dob
1,x,person,Robert,Okafor,bob@acme.com,(212) 736-0001,1970-01-02
2,x,person,Bob,Okafor,bob@acme.com,,1970-01-02
3,y,person,Elena,Marsh,elena@birch.io,,1988-05-05
4,x,person,Robert,Okafor,,212-736-0001,
5,z,person,Dagmar,Okafor,,212-736-0001,
6,v,person,Ann,Lee,ann.lee@birch.io,,
7,v,person,Ann,Lee,ann.lee2@birch.io,,
"""


def test_a_file_of_records_is_asked_without_a_stack(tmp_path: Path) -> None:
    file = tmp_path / "records.csv"
    file.write_text(RECORDS)
    model = tmp_path / "model.json"
    write_model(SHIPPED, model)

    def call(*arguments: object) -> Result:
        return CliRunner().invoke(
            cli.app, [*map(str, arguments), "--records", str(file)], catch_exceptions=False
        )

    said = call("explain", "1").stdout
    assert "1 belongs to p-" in said
    assert "path: 1 – 2 " in said
    assert "published" not in said
    assert "held apart by a rule:\n  5: -20.0 bits" in said
    assert "(held apart by the rule: person_evidence)" in said
    assert "next candidate" in said
    entity_id = re.search(r"belongs to (p-\w+)", said)
    assert entity_id is not None
    assert "1 belongs to" in call("explain", entity_id[1], "--model", model).stdout
    report = json.loads(call("match-report", "--format", "json").stdout)
    pairs = report["rates"][0]
    assert (pairs["what"], pairs["known_by"], pairs["of"]) == ("pairs of records", "truth", 4)
    assert pairs["precision"] == 1
    near = call("candidates", "--format", "csv", "--model", model).stdout.splitlines()
    assert near[0].startswith("p,bits,record,other,name")
    assert any(",6,7,Ann Lee,Ann Lee," in line for line in near)
    assert not any("Dagmar" in line for line in near)
    assert "as shipped" in call("train", "--out", tmp_path / "new.json").stdout
    unknown = CliRunner().invoke(cli.app, ["explain", "nobody", "--records", str(file)])
    assert unknown.exit_code == 2
    assert "the column id of" in unknown.output
