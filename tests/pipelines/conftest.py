"""The small company's messages, made once: every run takes them in and changes nothing of them."""

import pytest
from company_messages import CompanyMessages, company_messages


@pytest.fixture(scope="session")
def company(tmp_path_factory: pytest.TempPathFactory) -> CompanyMessages:
    return company_messages(tmp_path_factory.mktemp("company"))
