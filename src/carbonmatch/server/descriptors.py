"""File descriptors: as many as the connections that may come, or no start.

Without one, the journal cannot open its next segment, and that is the end of the venue: better not to
begin than to find out under load.
"""

import resource

from carbonmatch.config import ConfigError


def reserve_descriptors(count: int) -> None:
    """Let the process have `count` at least. Raises ConfigError where it may not."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft == resource.RLIM_INFINITY or soft >= count:
        return
    if hard != resource.RLIM_INFINITY and hard < count:
        raise ConfigError(
            [
                f"connections.max needs {count} file descriptors, and this process may have {hard}: raise "
                "its limit (LimitNOFILE, ulimit -Hn), or lower connections.max"
            ]
        )
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (count, hard))
    except (OSError, ValueError) as error:
        raise ConfigError(
            [f"connections.max needs {count} file descriptors, and {soft} cannot be raised: {error}"]
        ) from None
