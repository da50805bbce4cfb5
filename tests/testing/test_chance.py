from turnwise.testing.chance import seeded


def test_the_same_seed_and_purpose_give_the_same_numbers() -> None:
    assert seeded(7, "user", 3).random() == seeded(7, "user", 3).random()


def test_another_purpose_gives_other_numbers() -> None:
    numbers = {
        seeded(*of).random() for of in [(7,), (8,), (7, "user"), (7, "voice"), (7, "user", 1)]
    }
    assert len(numbers) == 5
