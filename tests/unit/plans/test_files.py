import pytest

from migrations_portal.plans.rules import MAX_FILE_BYTES, FileRefused, check_file

GOOD = "20251103000000-add-patient-consent-tracking.js"


def test_a_utf8_script_with_a_plain_name_is_taken():
    assert check_file(name=GOOD, content="module.exports = {}; // é".encode()).startswith("module")


@pytest.mark.parametrize(
    "name",
    [
        "../../etc/passwd.js",
        "a/b.js",
        "a\\b.js",
        ".hidden.js",
        "run.sh",
        "",
        "x.js\x00",
        "ü.js",
        "a" * 300 + ".js",
    ],
)
def test_a_name_that_leaves_its_folder_or_says_another_language_is_refused(name):
    with pytest.raises(FileRefused, match="not a name for a migration file"):
        check_file(name=name, content=b"x")


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "is empty"),
        (b" \n\t", "is empty"),
        (b"x" * (MAX_FILE_BYTES + 1), "larger than 1 MiB"),
        (b"ok \xff\xfe", "not UTF-8 text \\(byte 3\\)"),
        (b"a\x00b", "NUL"),
    ],
)
def test_a_file_that_is_no_text_is_refused_with_a_reason(content, reason):
    with pytest.raises(FileRefused, match=reason):
        check_file(name=GOOD, content=content)


def test_a_file_of_exactly_one_mebibyte_is_taken():
    assert len(check_file(name=GOOD, content=b"x" * MAX_FILE_BYTES)) == MAX_FILE_BYTES


@pytest.mark.parametrize("turner", ["\u202a", "\u202e", "\u2066", "\u2069"])
def test_a_file_that_shows_another_order_than_it_has_is_refused(turner):
    text = f"-- harmless\n/* {turner} begin admins only */ await drop('students');"
    with pytest.raises(FileRefused, match=rf"U\+{ord(turner):04X} in line 2"):
        check_file(name=GOOD, content=text.encode())


def test_words_of_languages_that_run_from_right_to_left_are_taken():
    text = "INSERT INTO schools (name) VALUES ('مدرسة'), ('בית ספר');"
    assert check_file(name=GOOD, content=text.encode()) == text
