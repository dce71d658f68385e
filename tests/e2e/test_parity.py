"""Local and remote verdict agree on generated payloads for every contract (faults 17); `python -m tests.e2e.parity` for 10,000 each."""

import httpx2
import pytest
from tests.e2e.parity import disagreements
from tests.e2e.processes import GatewayProcess


@pytest.mark.kafka
@pytest.mark.parametrize("topic", ["customer.orders", "customer.order-status", "customer.profiles"])
def test_local_and_remote_verdict_agree(gateway: GatewayProcess, http: httpx2.Client, topic: str) -> None:
    found, taken = disagreements(
        f"http://{gateway.http}", gateway.token(roles=("checkout-producer", "crm-producer")), topic, 400, 7, http
    )
    assert found == []
    assert 20 < taken < 380, "payloads of both kinds"
