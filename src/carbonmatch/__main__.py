"""`python -m carbonmatch`."""

from carbonmatch.cli import main

if __name__ == "__main__":
    main()
