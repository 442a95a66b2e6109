"""The demo's load balancer takes only signed states, and says the last one."""

import pytest
from django.test import Client

from migrations_portal import wiring
from migrations_portal.adapters.traffic_hook import HttpTrafficHook
from migrations_portal.demo.environment import CREDENTIAL
from migrations_portal.targets.ports import TrafficHookFailed, TrafficState

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def demo(settings, tmp_path):
    settings.DEMO = True
    settings.ENV = settings.ENV.model_copy(update={"demo_dir": tmp_path})


def test_the_hook_and_the_demos_receiver_understand_each_other(demo, live_server):
    url = f"{live_server.url}/demo/traffic/hook/"
    secret = wiring.tools().credentials.fetch(CREDENTIAL).password
    hook = HttpTrafficHook()

    hook.switch(url=url, secret=secret, state=TrafficState.MAINTENANCE, run=1)
    hook.switch(url=url, secret=secret, state=TrafficState.NORMAL, run=1)

    with pytest.raises(TrafficHookFailed, match="answered 403"):
        hook.switch(url=url, secret="wrong", state=TrafficState.NORMAL, run=1)
    with pytest.raises(TrafficHookFailed, match="https"):
        hook.switch(url="http://lb.example/", secret=secret, state=TrafficState.NORMAL, run=1)


def test_outside_the_demo_there_is_no_receiver(db):
    assert Client().post("/demo/traffic/hook/").status_code == 404
