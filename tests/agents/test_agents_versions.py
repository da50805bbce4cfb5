from turnwise.agents.versions import (
    ancestors,
    at_version,
    common_ancestor,
    snapshot_of,
    with_settings_of,
)

#  1 - 2 - 3 - 6       main; 6 merges 5
#       \\    /
#        4 - 5          a branch
HISTORY = {"1": [], "2": ["1"], "3": ["2"], "4": ["2"], "5": ["4"], "6": ["3", "5"]}
AGENT = {
    "name": "a",
    "conversation_config": {"x": 1},
    "platform_settings": {"widget": {"w": 1}, "auth": {"enable_auth": True}},
    "version_id": "v2",
    "branch_id": "b",
    "main_branch_id": "b",
}


def test_a_version_knows_what_it_was_made_from() -> None:
    assert ancestors(HISTORY, "1") == {"1"}
    assert ancestors(HISTORY, "5") == {"1", "2", "4", "5"}
    assert ancestors(HISTORY, "6") == set(HISTORY)
    assert ancestors(HISTORY, "unknown") == {"unknown"}


def test_the_common_ancestor_is_the_newest_one() -> None:
    assert common_ancestor(HISTORY, "3", "5") == "2"
    assert common_ancestor(HISTORY, "6", "5") == "5"
    assert common_ancestor(HISTORY, "4", "4") == "4"
    assert common_ancestor({"1": [], "2": []}, "1", "2") is None


def test_a_snapshot_leaves_out_what_is_the_agents_own() -> None:
    assert snapshot_of(AGENT) == {
        "name": "a",
        "conversation_config": {"x": 1},
        "platform_settings": {"widget": {"w": 1}},
    }
    assert snapshot_of({"platform_settings": None}) == {"platform_settings": {}}


def test_a_version_has_the_agents_own_settings_as_they_are_now() -> None:
    old = {"name": "old", "platform_settings": {"widget": {"w": 0}}}
    assert at_version(AGENT, old, "v1", "c") == {
        "name": "old",
        "platform_settings": {"widget": {"w": 0}, "auth": {"enable_auth": True}},
        "version_id": "v1",
        "branch_id": "c",
        "main_branch_id": "b",
    }


def test_settings_of_the_agent_can_be_taken_over_alone() -> None:
    other = {"platform_settings": {"widget": {"w": 9}, "auth": {"enable_auth": False}}}
    assert with_settings_of(AGENT, other)["platform_settings"] == {
        "widget": {"w": 1},
        "auth": {"enable_auth": False},
    }
