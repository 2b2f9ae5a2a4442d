"""``python -m tmkb`` is the same program as ``tmkb``."""

from tmkb.cli import main

if __name__ == "__main__":
    main()
