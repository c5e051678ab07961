"""Finds speech: one detector for all sessions of the process, since a batch costs a fraction of single windows.

Every session has a row in shared arrays: a ring of its last sound, which is also where the recogniser gets what was
said just before speech was detected, and its state of the network. Sessions feed sound as it comes; whoever drives the
detector calls `tick()` every few milliseconds, which takes every full window there is through the network at once.

All positions are samples since the session's start, at 16 kHz. One thread only; nothing here waits.
"""

from collections.abc import Callable
from typing import Final

import numpy as np
from numpy.typing import NDArray

from sottovoce.speech.silero import CONTEXT, STATE, WINDOW, Silero

RING: Final = 32 * WINDOW
"""Samples kept of each session: 1.024 s."""
BACKLOG: Final = RING // 2
"""Samples that may wait for a tick; more are taken at once. The rest of the ring is history, so that when a window is
told, at least the 512 ms before its end can still be read."""

SILENT: Final = 32
"""A window that is nowhere louder than this (60 dB below full scale) holds no sound."""
SILENT_WINDOWS: Final = 8
"""After 256 ms without sound the network is left out: pauses within speech are shorter, or do not matter."""

_RING_BYTES = 2 * RING
_BACKLOG_BYTES = 2 * BACKLOG
_BLOCKS = RING // CONTEXT
"""A ring as the network sees it: blocks of CONTEXT samples, of which a window and its context are nine in a row."""
_BLOCKS_TAKEN = np.arange(-1, WINDOW // CONTEXT)

OnWindow = Callable[[float, int], None]
"""Gets the probability of speech in a window, and the sample at which the window ends."""


class Slot:
    """One session's place in the detector. Made by Detector.open()."""

    __slots__ = ("_at", "_bytes", "_detector", "_waiting", "end_sample", "heard", "on_window", "row")

    def __init__(self, detector: "Detector", row: int, ring: memoryview, on_window: OnWindow) -> None:
        self.row = row
        self.on_window = on_window
        self.end_sample = 0
        """Where the sound ends now: samples fed since the start."""
        self.heard = 0
        """Samples that went through the network: a multiple of WINDOW."""
        self._detector = detector
        self._bytes = ring
        self._at = 0
        self._waiting = False

    def feed(self, pcm: bytes | memoryview) -> None:
        """More sound: 16-bit little-endian at 16 kHz, any whole number of samples (a memoryview: of bytes).

        Copies once. If more would wait than may, what waits in all slots is taken through the network here and now.
        Raises ValueError for half a sample, and once the slot is closed.
        """
        size = len(pcm)
        at = self._at
        end = at + size
        end_sample = self.end_sample + (size >> 1)
        if end >= _RING_BYTES or end_sample - self.heard > BACKLOG or size & 1:
            self._feed_in_pieces(memoryview(pcm))
            return
        self._bytes[at:end] = pcm
        self._at = end
        self.end_sample = end_sample
        if end_sample - self.heard >= WINDOW and not self._waiting:
            self._waiting = True
            self._detector.waiting.append(self)

    def _feed_in_pieces(self, pcm: memoryview) -> None:
        if len(pcm) & 1:
            raise ValueError("sound comes in whole samples of two bytes")
        while pcm:
            room = _BACKLOG_BYTES - 2 * (self.end_sample - self.heard)
            if room == 0:
                self._detector.catch_up()
                if not self._detector.holds(self):  # its callback closed it
                    return
                continue
            piece = pcm[: min(room, _RING_BYTES - self._at)]
            pcm = pcm[len(piece) :]
            end = self._at + len(piece)
            self._bytes[self._at : end] = piece
            self._at = end % _RING_BYTES
            self.end_sample += len(piece) >> 1
            if self.end_sample - self.heard >= WINDOW and not self._waiting:
                self._waiting = True
                self._detector.waiting.append(self)

    @property
    def oldest(self) -> int:
        """The first sample that can still be read."""
        return max(0, self.end_sample - RING)

    def sound(self, from_sample: int, to_sample: int) -> bytes:
        """The sound between two positions, as far as it is still (or already) here."""
        first = max(from_sample, self.oldest)
        last = min(to_sample, self.end_sample)
        if last <= first:
            return b""
        start, end = 2 * (first % RING), 2 * (last % RING)
        if start < end:
            return bytes(self._bytes[start:end])
        return bytes(self._bytes[start:]) + bytes(self._bytes[:end])

    def close(self) -> None:
        """Leave, and have every trace wiped. Harmless when done twice."""
        self._detector.close_slot(self)

    def move(self, ring: memoryview) -> None:
        """The detector's: the ring now lives there."""
        self._bytes = ring

    def forget(self) -> None:
        """The detector's: wipe the ring and let go of it, for good."""
        self._bytes[:] = bytes(_RING_BYTES)
        self._bytes.release()


class Detector:
    """The network, and a row for each session."""

    def __init__(self, capacity: int = 64) -> None:
        self.waiting: list[Slot] = []
        """Slots with a full window, in the order in which they came to have it."""
        self._faults: list[Exception] = []
        self._network = Silero()
        self._slots: dict[int, Slot] = {}
        self._free = list(range(capacity - 1, -1, -1))
        self._rings = np.zeros((capacity, RING), dtype=np.int16)
        self._states = np.zeros((capacity, STATE), dtype=np.float32)
        self._silent = np.zeros(capacity, dtype=np.int32)
        """Windows without sound, up to now."""

    def __len__(self) -> int:
        """Open slots."""
        return len(self._slots)

    def holds(self, slot: Slot) -> bool:
        """Whether the slot is open."""
        return self._slots.get(slot.row) is slot

    def open(self, on_window: OnWindow) -> Slot:
        """A place for a new session. `on_window(probability, end_sample)` is called for each of its windows, in order,
        from within tick() or feed(); it may open and close slots, and read sound, but not feed."""
        if not self._free:
            self._grow()
        row = self._free.pop()
        slot = Slot(self, row, self._ring_bytes(row), on_window)
        self._slots[row] = slot
        return slot

    def close_slot(self, slot: Slot) -> None:
        """What Slot.close() does."""
        if not self.holds(slot):
            return
        del self._slots[slot.row]
        slot.forget()
        self._states[slot.row] = 0
        self._silent[slot.row] = 0
        self._free.append(slot.row)
        if not self._slots:
            self._network.wipe()

    def tick(self) -> int:
        """Take all full windows through the network and tell each slot of its own; returns how many there were.

        Raises an ExceptionGroup of what callbacks have raised, after every other slot has been told.
        """
        windows = self.catch_up()
        if self._faults:
            faults, self._faults = self._faults, []
            raise ExceptionGroup("on_window", faults)
        return windows

    def catch_up(self) -> int:
        """What tick() does, but for the raising: one session's feed() must not be told of another's fault.

        A feed() that finds its backlog full comes here, for all slots: who lags is hardly alone, and single windows
        cost five times as much as those of a batch.
        """
        windows = 0
        while self.waiting:
            slots = [slot for slot in self.waiting if self._has_window(slot)]
            for slot in self.waiting:
                slot._waiting = False  # noqa: SLF001  (two halves of one thing, and the busiest loop of the server)
            self.waiting.clear()
            if slots:
                windows += len(slots)
                self._round(slots)
        return windows

    def _has_window(self, slot: Slot) -> bool:
        return slot.end_sample - slot.heard >= WINDOW and self.holds(slot)

    def _round(self, slots: list[Slot]) -> None:
        """One window of each of these slots."""
        probabilities = self._probabilities(slots)
        for slot in slots:
            slot.heard += WINDOW
            if slot.end_sample - slot.heard >= WINDOW:
                slot._waiting = True  # noqa: SLF001
                self.waiting.append(slot)
        for slot, probability in zip(slots, probabilities, strict=True):
            # A callback before this one may have closed it.
            if self.holds(slot):
                try:
                    slot.on_window(probability, slot.heard)
                except Exception as fault:  # noqa: BLE001  (one session's fault must not keep others from their windows)
                    self._faults.append(fault)

    def _probabilities(self, slots: list[Slot]) -> list[float]:
        rows = np.array([slot.row for slot in slots])
        blocks = np.array([slot.heard for slot in slots]) // CONTEXT
        taken = (blocks[:, None] + _BLOCKS_TAKEN) % _BLOCKS
        taken += rows[:, None] * _BLOCKS
        sound = self._rings.reshape(-1, CONTEXT).take(taken, axis=0).reshape(len(slots), CONTEXT + WINDOW)
        awake = self._awake(rows, sound)
        probabilities = np.zeros(len(slots), dtype=np.float32)
        if awake.any():
            states = self._states.take(rows[awake], axis=0)
            probabilities[awake] = self._network.run(sound[awake], states)
            self._states[rows[awake]] = states
        told: list[float] = probabilities.tolist()
        return told

    def _awake(self, rows: NDArray[np.intp], sound: NDArray[np.int16]) -> NDArray[np.bool_]:
        """Which windows are worth the network.

        A stream that has been silent for a while (muted, or behind a noise gate) is known to hold no speech; its state
        starts afresh, as at the session's start, when there is sound again.
        """
        new = sound[:, CONTEXT:]
        silent = (new.max(axis=1) <= SILENT) & (new.min(axis=1) >= -SILENT)
        count = np.where(silent, self._silent.take(rows) + 1, 0)
        self._silent[rows] = count
        asleep = count > SILENT_WINDOWS
        self._states[rows[asleep]] = 0
        return ~asleep

    def _grow(self) -> None:
        capacity = len(self._rings)
        rings, states = self._rings, self._states
        # Fresh zeros cost no memory until they are written to: a row that nobody has is free.
        self._rings = np.zeros((2 * capacity, RING), dtype=np.int16)
        self._states = np.zeros((2 * capacity, STATE), dtype=np.float32)
        self._rings[:capacity], self._states[:capacity] = rings, states
        self._silent = np.concatenate([self._silent, np.zeros_like(self._silent)])
        self._free.extend(range(2 * capacity - 1, capacity - 1, -1))
        for row, slot in self._slots.items():
            slot.move(self._ring_bytes(row))
        rings.fill(0)

    def _ring_bytes(self, row: int) -> memoryview:
        ring: NDArray[np.int16] = self._rings[row]
        return ring.data.cast("B")
