"""Where this person left the incident last, and noting where they leave it now; it draws nothing."""

from pathlib import Path
from threading import Lock

from store.connection import Store
from store.sessions import Session, last_session, remember
from store.since import Departure, Since, departure, since

# What came in meanwhile is told twice at most, if the dashboard is killed.
SECONDS_BETWEEN_NOTES = 180.0


class Returning:
    """One person's coming back to one incident.

    Attributes:
        remark: why what was noted of the last session is of no use; empty where it is, or nothing was noted.
    """

    def __init__(self, store: Store, actor: str, folder: Path | None) -> None:
        """Prepare; nothing is read.

        Args:
            folder: where sessions are noted; None: they are not, and their last own action counts.
        """
        self.remark = ""
        self._store = store
        self._actor = actor
        self._folder = folder
        self._left: Departure | None = None
        self._lock = Lock()

    @property
    def is_noted(self) -> bool:
        """Whether sessions are noted."""
        return self._folder is not None

    def find(self) -> Departure:
        """From where on things are new; found once, so that what they do now does not move it. Call it in a thread."""
        with self._lock:
            if self._left is None:
                session: Session | None = None
                if self._folder is not None:
                    session, self.remark = last_session(self._folder, self._store, self._actor)
                self._left = departure(self._store, self._actor, session=session)
            return self._left

    def news(self, today: int) -> Since:
        """What is new now, judged at this instant, microseconds UTC. Call it in a thread."""
        return since(self._store, self.find(), actor=self._actor, today=today)

    def note(self, today: int) -> None:
        """Note that they have seen the log to its end.

        Raises:
            UnusableFileError: it cannot be written.
        """
        if self._folder is not None:
            # Else this session's own note would be taken for the last one's.
            self.find()
            remember(self._folder, self._store, self._actor, today=today)
