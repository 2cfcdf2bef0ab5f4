"""What one subscription may hand out now: the oldest first, each ordering key in its order."""

import heapq


class Ready:
    """Messages without a key side by side; of each key only the oldest, and none while it is held.

    A key is held while something of it is out: what follows has to wait for that.
    """

    def __init__(self) -> None:
        self._oldest: list[int] = []
        self._of_key: dict[str, list[int]] = {}
        self._held: set[str] = set()

    def push(self, message: int, key: str) -> None:
        """A message that waits; `key` is empty where order does not matter."""
        if not key:
            heapq.heappush(self._oldest, message)
            return
        line = self._of_key.setdefault(key, [])
        heapq.heappush(line, message)
        if line[0] == message and key not in self._held:
            heapq.heappush(self._oldest, message)

    def pop(self, keys: dict[int, str]) -> int | None:
        """The oldest message that may go; `keys` has the key of each message that has one."""
        while self._oldest:
            message = heapq.heappop(self._oldest)
            key = keys.get(message, "")
            if not key:
                return message
            line = self._of_key.get(key)
            if key in self._held or not line or line[0] != message:
                # Offered before its key was held, or before an older one came back.
                continue
            heapq.heappop(line)
            self._offer(key)
            return message
        return None

    def hold(self, key: str) -> None:
        """Nothing of this key goes out until it is released."""
        self._held.add(key)

    def release(self, key: str) -> None:
        """The key's oldest may go again."""
        self._held.discard(key)
        self._offer(key)

    def _offer(self, key: str) -> None:
        line = self._of_key.get(key)
        if line:
            heapq.heappush(self._oldest, line[0])
        else:
            self._of_key.pop(key, None)
