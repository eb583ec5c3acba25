"""The API of a running node holds what its own OpenAPI document promises, to whoever asks."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import hypothesis
import pytest
import schemathesis
from schemathesis.core.failures import Failure, FailureGroup

from tests.api.test_openapi import CHECKS
from tests.system.clouds import AWS, GCP, Drained

pytestmark = [pytest.mark.system, pytest.mark.xdist_group("openapi")]

SHORT, LONG = 6, 150  # requests of each operation, right and wrong ones each
Operations = list[Any]


@pytest.fixture(scope="module")
def node(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Drained]:
    made = Drained(tmp_path_factory.mktemp("openapi"))
    made.start()
    yield made
    made.stop()


@pytest.fixture(scope="module")
def operations(node: Drained) -> Operations:
    """Every operation of the document that the node itself serves; not those without an end."""
    schema = schemathesis.openapi.from_dict(node.api.call("GET", "/openapi.json"))
    schema.config.base_url = f"http://127.0.0.1:{node.api_port}"
    found = [result.ok() for result in schema.get_all_operations()]
    assert len(found) > 5
    return [one for one in found if not one.path.endswith("/events")]


def bearer(node: Drained, scope: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {node.token(scope)}"}


def cases(operation: Any, mode: Any, number: int) -> list[Any]:
    """Return *number* requests at most that the document makes of an operation."""
    found: list[Any] = []

    @hypothesis.seed(20261124)
    @hypothesis.settings(
        max_examples=number,
        database=None,
        phases=[hypothesis.Phase.generate],
        suppress_health_check=list(hypothesis.HealthCheck),
    )
    @hypothesis.given(case=operation.as_strategy(generation_mode=mode))
    def collect(case: Any) -> None:
        found.append(case)

    try:
        collect()
    except hypothesis.errors.Unsatisfiable:
        assert mode is schemathesis.GenerationMode.NEGATIVE  # nothing can be wrong there
    return found


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_no_request_makes_a_server_error(node: Drained, operations: Operations, long: bool) -> None:
    """Each answer is one that the document declares, and afterwards everybody is answered."""
    headers = bearer(node, "admin")
    statuses: dict[int, int] = {}
    for operation in operations:
        for mode in schemathesis.GenerationMode:
            for case in cases(operation, mode, LONG if long else SHORT):
                response = case.call(headers=headers)
                statuses[response.status_code] = statuses.get(response.status_code, 0) + 1
                try:
                    case.validate_response(response, checks=CHECKS)
                except FailureGroup as failures:
                    pytest.fail("\n".join(map(str, failures.exceptions)))
                except Failure as failure:
                    pytest.fail(str(failure))
    assert max(statuses) < 500, statuses
    assert {200, 400} <= statuses.keys()
    assert node.answered()
    assert node.answered() <= AWS | GCP
    assert node.run("audit", "verify")[0] == 0
    assert "Traceback" not in node.log.read_text()


def test_a_token_of_another_scope_changes_nothing(node: Drained, operations: Operations) -> None:
    """403 from each operation that changes something, whatever is asked of it.

    Before wrong tokens are tried: for those, this address is then made to wait.
    """
    headers = bearer(node, "read")
    asked = 0
    for operation in operations:
        (needed,) = [
            scope for one in operation.definition.raw["security"] for scope in one["token"]
        ]
        if needed == "read":
            continue
        for case in cases(operation, schemathesis.GenerationMode.POSITIVE, 5):
            assert case.call(headers=headers).status_code == 403, operation.label
            asked += 1
    assert asked > 0


@pytest.mark.parametrize("token", [None, "gslb_" + "0" * 48, "", "é"])
def test_without_a_token_nothing_is_told(
    node: Drained, operations: Operations, token: str | None
) -> None:
    """401 from each operation, right or wrong, and no more than that."""
    value = {} if token is None else {"Authorization": f"Bearer {token}".encode()}
    for operation in operations:
        for mode in schemathesis.GenerationMode:
            for case in cases(operation, mode, 2):
                response = case.call(headers=value)
                assert response.status_code in {401, 429}, (operation.label, response.status_code)
