from turnwise.testing.chance import seeded


def test_the_same_seed_and_purpose_give_the_same_numbers() -> None:
    assert seeded(7, "user", 3).random() == seeded(7, "user", 3).random()


def test_another_purpose_gives_other_numbers() -> None:
    rngs = [seeded(7), seeded(8), seeded(7, "user"), seeded(7, "voice"), seeded(7, "user", 1)]
    assert len({rng.random() for rng in rngs}) == 5
