"""Where files are: a local path, or a URI, whose options come behind a question mark."""


def joined(location: str, *names: str) -> str:
    """The place of ``names``, each in the one before, in the directory at ``location``."""
    place, options = _parted(location)
    return "/".join((place.rstrip("/"), *names)) + options


def parent_and_name(location: str) -> tuple[str, str]:
    """The directory that ``location`` lies in, ``.`` where it does not say, and its name there."""
    place, options = _parted(location)
    parent, _, name = place.rstrip("/").rpartition("/")
    return (parent or ".") + options, name


def _parted(location: str) -> tuple[str, str]:
    if "://" not in location:
        return location, ""
    place, mark, options = location.partition("?")
    return place, mark + options
