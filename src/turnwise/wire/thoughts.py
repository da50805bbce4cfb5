"""Thoughts of replies that the client may not see yet."""

from dataclasses import dataclass, field

from turnwise.turns.events import ReplyId


@dataclass(slots=True)
class HeldThoughts:
    """Keeps what was thought of a bet: it is told when the bet is won, and forgotten if it is lost.

    A reply that begins forgets the thoughts of others.
    """

    reply: ReplyId | None = None
    """Whose they are."""
    bet: bool = False
    """Whether the reply is not yet the agent's."""
    texts: list[str] = field(default_factory=list)

    def begin(self, reply: ReplyId, *, bet: bool) -> None:
        """Take in that a reply, or its next pass, is written from here on."""
        if reply != self.reply:
            self.texts = []
        self.reply, self.bet = reply, bet

    def hold(self, reply: ReplyId, text: str) -> None:
        """Keep a thought."""
        if reply == self.reply:
            self.texts.append(text)

    def release(self, reply: ReplyId) -> list[str]:
        """Return what was kept of a reply that has words now, once."""
        if reply != self.reply:
            return []
        self.bet = False
        texts, self.texts = self.texts, []
        return texts
