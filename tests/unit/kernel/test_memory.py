from migrations_portal.kernel.memory import remembered, remembering


def test_what_is_asked_twice_is_read_once_while_remembering() -> None:
    read: list[int] = []

    def ask() -> int:
        return remembered("key", lambda: read.append(1) or len(read))

    with remembering():
        assert [ask(), ask()] == [1, 1]
        assert remembered("other", lambda: 7) == 7
    assert [ask(), ask()] == [2, 3]


def test_one_memory_knows_nothing_of_another() -> None:
    with remembering():
        remembered("key", lambda: 1)
        with remembering():
            assert remembered("key", lambda: 2) == 2
        assert remembered("key", lambda: 3) == 1
