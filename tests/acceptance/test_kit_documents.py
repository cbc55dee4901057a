"""What the documents show to developers is run as it stands there: the tests, the sample shop."""

from __future__ import annotations

import gc
import os
import re
import runpy
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import ThreadingHTTPServer
from pathlib import Path
from typing import Any

import httpx
import pytest

from earnest.cli.app import run
from earnest.client import Client
from earnest.testing.shop import Shop
from earnest.testing.stack import LocalStack

pytestmark = pytest.mark.xdist_group("kit")

ROOT = Path(__file__).parents[2]
BLOCK = re.compile(r"^```python\n(.*?)^```", re.MULTILINE | re.DOTALL)
PAGES = ("README.md", "docs/testing.md")


@pytest.fixture
def honey(earnest: Shop) -> Iterator[tuple[Any, str]]:
    """The sample shop behind its own server, in place of the receiver that the fixture brings."""
    sample = runpy.run_path(str(ROOT / "docs" / "sample_shop.py"))
    pages = sample["Pages"]
    with ThreadingHTTPServer(("127.0.0.1", 0), pages) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.02,))
        thread.start()
        url = f"http://127.0.0.1:{server.server_address[1]}"
        endpoint = earnest.client.create_endpoint(f"{url}/webhooks")
        pages.shop = sample["Honey"](earnest.client, endpoint.secret)
        yield pages.shop, url
        server.shutdown()
        thread.join()


def test_every_test_that_the_documents_show_passes_where_the_package_is_merely_installed(tmp_path: Path) -> None:
    for page in PAGES:
        blocks = [each for each in BLOCK.findall((ROOT / page).read_text()) if "\ndef test_" in f"\n{each}"]
        assert blocks, f"{page} shows no test any more"
        (tmp_path / f"test_{Path(page).stem.lower()}.py").write_text("\n\n".join(blocks))
    command = [sys.executable, "-m", "pytest", "-q", "-W", "error", "-p", "no:cacheprovider", "-p", "no:schemathesis"]
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST_")}
    # A setting of the machine's that would ruin everything, if it reached the stack.
    environment["EARNEST_DATABASE_URL"] = "postgresql+psycopg://nobody@127.0.0.1:1/production"
    done = subprocess.run(
        [*command, f"--rootdir={tmp_path}", "-c", os.devnull, str(tmp_path)],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=240,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert re.search(r"\b6 passed\b", done.stdout), done.stdout


def test_a_project_that_merely_has_it_installed_loads_next_to_nothing(tmp_path: Path) -> None:
    loaded = (
        "import sys, pytest; before = set(sys.modules); import earnest.testing.plugin; "
        "print(*sorted(set(sys.modules) - before))"
    )
    done = subprocess.run([sys.executable, "-c", loaded], capture_output=True, text=True, check=True, cwd=tmp_path)
    assert done.stdout.split() == ["earnest", "earnest.testing", "earnest.testing.plugin"]


def test_the_sample_shop_ships_what_is_paid_for_good(earnest: Shop, honey: tuple[Any, str]) -> None:
    shop, url = honey
    bought = httpx.post(f"{url}/buy", trust_env=False)
    assert bought.status_code == 303
    payment = earnest.take_up(bought.headers["Location"].rpartition("/")[2])
    (order,) = shop.orders
    payment.fund()
    earnest.until(lambda: shop.orders[order].startswith("paid"), "the shop to hear of the money")
    earnest.settle()
    earnest.until(lambda: shop.orders[order] == "shipped", "the shop to ship")
    payment.expect("delivered").release()
    earnest.until(lambda: shop.orders[order].startswith("done"), "the shop to hear that it was paid")
    assert f"{order}: done" in httpx.get(url, trust_env=False).text


def test_the_sample_shop_ships_nothing_for_a_forged_webhook(earnest: Shop, honey: tuple[Any, str]) -> None:
    shop, url = honey
    httpx.post(f"{url}/buy", trust_env=False)
    headers = {"webhook-id": "msg_1", "webhook-timestamp": "1", "webhook-signature": "v1,AAAA"}
    forged = httpx.post(f"{url}/webhooks", content=b'{"type": "payment.finalized"}', headers=headers, trust_env=False)
    assert forged.status_code == 401
    assert list(shop.orders.values()) == ["waits for payment"]


def test_the_sample_shop_leaves_payments_alone_that_it_did_not_sell(earnest: Shop, honey: tuple[Any, str]) -> None:
    shop, url = honey
    others = [earnest.create("1 tUSD").fund(), earnest.create("1 tUSD", order_reference="elsewhere").fund()]
    earnest.settle()
    bought = earnest.take_up(httpx.post(f"{url}/buy", trust_env=False).headers["Location"].rpartition("/")[2])
    bought.fund()
    earnest.settle()
    (order,) = shop.orders
    earnest.until(lambda: shop.orders[order] == "shipped", "the shop to ship its own")
    for other in others:
        other.expect("funded")


def test_the_sample_shop_says_that_the_service_is_away(honey: tuple[Any, str]) -> None:
    shop, url = honey
    with Client("http://127.0.0.1:1", "ek_test_a", patience_seconds=0) as away:
        shop.api = away
        bought = httpx.post(f"{url}/buy", trust_env=False)
    assert bought.status_code == 503 and "is the service up?" in bought.text
    assert not shop.orders


def test_the_sample_shop_says_where_it_listens_and_that_its_port_is_taken() -> None:
    environment = os.environ | {
        "EARNEST_API_URL": "http://127.0.0.1:1",
        "EARNEST_API_KEY": "ek_test_a",
        "EARNEST_WEBHOOK_SECRET": "whsec_a",
    }
    command = [sys.executable, str(ROOT / "docs" / "sample_shop.py")]
    with subprocess.Popen([*command, "0"], env=environment, stdout=subprocess.PIPE, text=True) as first:
        assert first.stdout is not None
        url = first.stdout.readline().rpartition(" ")[2].strip()
        try:
            assert "Buy for" in httpx.get(url, trust_env=False).text
            port = url.rpartition(":")[2]
            second = subprocess.run(
                [*command, port], env=environment, capture_output=True, text=True, check=False, timeout=60
            )
        finally:
            first.terminate()
    assert second.returncode == 1
    assert re.fullmatch(rf"cannot listen on port {port}: .*in use\n", second.stderr), second.stderr


def test_what_the_quickstart_lets_happen_happens(
    earnest: Shop, earnest_stack: LocalStack, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("EARNEST_API_URL", earnest_stack.api_url)
    monkeypatch.setenv("EARNEST_RPC_URL", earnest_stack.node_url)
    monkeypatch.setenv("EARNEST_API_KEY", earnest.api_key)
    shown = re.findall(
        r"^\$ earnest ((?:trigger|chain|payment) .*)$", (ROOT / "docs" / "quickstart.md").read_text(), re.M
    )
    assert len(shown) >= 5
    for command in shown:
        assert run(command.split()) == 0, command + capsys.readouterr().err
    assert {"payment.funded", "payment.disputed"} <= {each.type for each in earnest.client.events()}
    gc.collect()  # what a command forgot to close shows here, and not in whatever runs next


def test_every_other_command_of_the_quickstart_is_one_that_there_is() -> None:
    text = (ROOT / "docs" / "quickstart.md").read_text()
    for target in re.findall(r"^\$ make ([a-z-]+)", text, re.M):
        assert re.search(rf"^{target}:", (ROOT / "Makefile").read_text(), re.M), target
    for command in re.findall(r"^\$ earnest ([a-z]+)", text, re.M):
        assert run([command, "--help"]) == 0, command


def test_the_sample_shop_has_under_a_hundred_lines() -> None:
    assert len((ROOT / "docs" / "sample_shop.py").read_text().splitlines()) < 100
