from turnwise.wire.selection import ALWAYS, DEFAULT, EVENTS, selected


def test_nothing_selected_is_the_default() -> None:
    assert selected([]) == DEFAULT
    assert selected((), text_only=True) == DEFAULT | {"agent_chat_response_part"}


def test_what_is_selected_is_obeyed_and_the_rest_of_the_protocol_kept() -> None:
    assert selected(["audio"]) == ALWAYS | {"audio"}
    assert selected(["audio"], text_only=True) == ALWAYS | {"audio"}


def test_the_default_can_be_selected() -> None:
    assert DEFAULT - ALWAYS <= EVENTS
