"""What the launcher of a Flex Template runs: nothing but the call, so that nothing is pickled."""

import sys

from pipelines.main import main

if __name__ == "__main__":
    sys.exit(main())
