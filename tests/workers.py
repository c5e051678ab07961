"""Worker processes of engines that this process has started."""

import psutil


def workers_of(engine: str = "") -> list[psutil.Process]:
    """All of that engine ("espeak"), or of every one, and what they have started themselves."""
    found = []
    for process in psutil.Process().children(recursive=True):
        try:
            command = process.cmdline()
        except psutil.NoSuchProcess:  # it has just ended
            continue
        if any(word.startswith(f"sottovoce.speech.{engine}") and word.endswith("_worker") for word in command):
            found.append(process)
    return found
