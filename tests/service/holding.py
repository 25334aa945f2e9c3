"""A process that takes a slot, says which, and holds it until it is killed."""

from __future__ import annotations

import sys
import time
from pathlib import Path

from reviewer.service.database import connect
from reviewer.service.slots import DatabaseSlots, FileSlots, Slots, first_free

if __name__ == "__main__":
    place = sys.argv[1]
    slots: Slots = DatabaseSlots(connect(place, 1)) if "://" in place else FileSlots(Path(place))
    print(first_free(slots), flush=True)
    time.sleep(60)
