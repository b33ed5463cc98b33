"""The coordinator's log: in memory at first, then in the job's directory for as long as that is there."""

from sage_local.runtime.coordinator.log import JobLog


def test_a_closed_log_does_not_make_its_directory_again(tmp_path):
    """The job is over and its directory gone; the caller takes its time to read, and the hour of opening comes."""
    log = JobLog(tmp_path / "job" / "log", "INFO")
    log.write("INFO", "a line")
    log.close()
    log.open()
    assert list(tmp_path.iterdir()) == []


def test_output_that_can_not_be_kept_is_told_and_harms_nobody(tmp_path):
    log = JobLog(tmp_path / "none", "INFO")
    log.keep_output(1, b"a line\n")
    (tmp_path / "none").mkdir()
    log.keep_output(2, b"another\n")
    log.save()
    assert "7 bytes of output could not be kept" in (tmp_path / "none" / "coordinator.log").read_text()
    assert (tmp_path / "none" / "stderr.log").read_text() == "another\n"


def test_lines_are_kept_until_they_are_saved(tmp_path):
    log = JobLog(tmp_path, "INFO")
    log.write("INFO", "a line")
    assert list(tmp_path.iterdir()) == []
    log.save()
    assert (tmp_path / "coordinator.log").read_text().endswith(" INFO    a line\n")
