import pickle

from turnwise.testing.latency import Never
from turnwise.testing.providers import Model, Providers, Tools, Written


def test_descriptions_can_be_sent_to_another_process() -> None:
    described = Providers(
        model=Model(first_token=Never(), replies=(Written("Hm.", (("look_up", "{}"),)),)),
        tools=Tools(results={"look_up": "42"}),
    )
    assert pickle.loads(pickle.dumps(described)) == described  # noqa: S301 - our own
