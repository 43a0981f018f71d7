"""See the package."""

import sys
from pathlib import Path

from carbonmatch.protocol.reference.files import write
from carbonmatch.protocol.reference.page import page

if __name__ == "__main__":
    if len(sys.argv) > 1:
        for path in write(Path(sys.argv[1])):
            print(path)
    else:
        print(page(), end="")
