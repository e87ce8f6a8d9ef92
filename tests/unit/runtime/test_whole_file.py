"""Files appear whole or not at all, and what is no file is written to rather than replaced."""

import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tradewrit.runtime.whole_file import is_stream, whole_file


@pytest.mark.parametrize("is_durable", [False, True])
def test_a_file_is_there_once_it_is_whole(tmp_path: Path, is_durable: bool) -> None:
    path = tmp_path / "out.txt"
    path.write_bytes(b"old")
    with whole_file(path, is_durable=is_durable) as file:
        file.write(b"new")
        assert path.read_bytes() == b"old"
    assert path.read_bytes() == b"new"
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.skipif(os.name != "posix", reason="file modes are POSIX's")
def test_a_private_file_is_its_owners_alone_from_the_moment_it_exists(tmp_path: Path) -> None:
    path = tmp_path / "key.pem"
    left_by_a_crash = tmp_path / f".key.pem.{os.getpid()}.part"
    left_by_a_crash.write_bytes(b"old")
    left_by_a_crash.chmod(0o666)
    with whole_file(path, is_private=True) as file:
        (part,) = tmp_path.iterdir()
        assert part.stat().st_mode & 0o777 == 0o600
        file.write(b"new")
    assert (path.read_bytes(), path.stat().st_mode & 0o777) == (b"new", 0o600)


def test_a_failure_half_way_leaves_what_was_there(tmp_path: Path) -> None:
    path = tmp_path / "out.txt"
    path.write_bytes(b"old")

    def fail() -> None:
        with whole_file(path) as file:
            file.write(b"half")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fail()
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


def test_a_link_stays_a_link_and_its_file_is_written(tmp_path: Path) -> None:
    target, link = tmp_path / "target.txt", tmp_path / "link.txt"
    link.symlink_to(target)
    with whole_file(link) as file:
        file.write(b"through")
    assert link.is_symlink()
    assert target.read_bytes() == b"through"


def test_a_pipe_is_written_to_and_stays_a_pipe(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    with ThreadPoolExecutor(1) as pool:
        reading = pool.submit(pipe.read_bytes)
        with whole_file(pipe) as stream:
            stream.write(b"flows")
        assert reading.result(timeout=10) == b"flows"
    assert pipe.is_fifo()


def test_devices_are_streams_and_files_and_folders_are_none(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    assert is_stream(Path("/dev/null"))
    assert not any(map(is_stream, (tmp_path, tmp_path / "file", tmp_path / "none", Path("/dev/nowhere/x"))))
