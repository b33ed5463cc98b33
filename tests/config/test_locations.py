import pytest

from sage_local.config.locations import joined, parent_and_name


@pytest.mark.parametrize(
    ("directory", "place"),
    [
        ("/data", "/data/job/chk-1"),
        ("/data/", "/data/job/chk-1"),
        ("/what?", "/what?/job/chk-1"),
        ("s3://bucket/data", "s3://bucket/data/job/chk-1"),
        ("s3://bucket/data?region=x&scheme=http", "s3://bucket/data/job/chk-1?region=x&scheme=http"),
    ],
)
def test_a_place_in_a_directory_keeps_the_options_of_a_uri_at_the_end(directory, place):
    assert joined(directory, "job", "chk-1") == place
    assert parent_and_name(place) == (joined(directory, "job"), "chk-1")


def test_a_bare_name_lies_in_the_current_directory():
    assert parent_and_name("chk-1") == (".", "chk-1")
