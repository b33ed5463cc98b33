"""``python -m sage_local`` is the ``sage`` command."""

from sage_local.cli import main

if __name__ == "__main__":
    main()
