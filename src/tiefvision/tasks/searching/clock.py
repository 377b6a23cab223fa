"""How long the parts of a query take."""

from __future__ import annotations

import time
from dataclasses import dataclass, field


@dataclass(slots=True)
class Clock:
    """Milliseconds of the parts of a query, as they end."""

    _laps: dict[str, float] = field(default_factory=dict[str, float])
    _last: float = field(default_factory=time.perf_counter)

    def lap(self, part: str) -> None:
        """What was done since the lap before was this part."""
        now = time.perf_counter()
        self._laps[part] = self._laps.get(part, 0.0) + (now - self._last) * 1000
        self._last = now

    def milliseconds(self) -> dict[str, float]:
        """Each part's sum."""
        return {part: round(taken, 2) for part, taken in self._laps.items()}
