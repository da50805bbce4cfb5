"""Plant bugs in the engine, one at a time, and count those that its tests find.

    make mutants            all of them
    python scripts/mutants.py --only 3 7 --verbose

Each mutant is one edit of one file in a copy of the source; the tests of `turns/` run against the
copy. Exit code 1 if more than one survives.
"""

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parent.parent
# examples first: they are quick, and most bugs need no more
TESTS = (*sorted(map(str, (ROOT / "tests/turns").glob("test_*.py"))), "tests/turns/properties")
OPTIONS = ("--hypothesis-profile=hunt", "-p", "no:randomly")


@dataclass(frozen=True, slots=True)
class Mutant:
    """One bug."""

    what: str
    file: str
    """Below `src/turnwise/turns`."""
    before: str
    after: str


MUTANTS = (
    Mutant("a stale reply counts as live", "state.py",
           "return self.reply if self.reply is not None and self.reply.id == reply_id else None",
           "return self.reply"),
    Mutant("the whole text counts as heard", "reply.py",
           "return self.first + (self.last - self.first) * played // self.ms", "return self.last"),
    Mutant("character timing is off by one", "reply.py", "if end <= played)", "if end < played)"),
    Mutant("a pause does not stop the play head", "reply.py",
           "self.head_ms, self.head_at, self.paused = self.head(now), now, True",
           "self.paused = True"),
    Mutant("a reply closes while tools are still to be told", "reply.py",
           "if not self.written or self.goes_on or self.waits_for or self.paused:",
           "if not self.written or self.waits_for or self.paused:"),
    Mutant("silence is measured from when the detector was sure", "reactions.py",
           "stop_speech(c, Millis(c.now - ms))", "stop_speech(c, c.now)"),
    Mutant("a score of an earlier pause counts", "reactions.py",
           "if pause == user.pause and user.speaking_since is None:",
           "if user.speaking_since is None:"),
    Mutant("words after the reply was written are spoken", "reactions.py",
           "if (reply := c.live(id)) and not reply.written and text:",
           "if (reply := c.live(id)) and text:"),
    Mutant("a typed message does not interrupt", "reactions.py",
           "if c.reply is not None and (untouched(c) or interruptible(c) or c.policy.text_only):",
           "if c.reply is not None and untouched(c):"),
    Mutant("an older context of the same id stays", "reactions.py",
           "c.amend(index, ContextAdded(old.at, old.text, old.context_id, superseded=True))",
           "pass"),
    Mutant("the end comes before the farewell", "reactions.py",
           "    reply.ends_call, reply.farewell = asked.reason, asked.farewell.strip()\n", "    end(c, asked.reason)\n    return\n"),
    Mutant("a lost bet is not dropped when the words change", "listening.py",
           "if reply is not None and reply.bet is not None and plain(reply.bet) != plain(user.words):",
           "if reply is not None and reply.bet is not None and not user.words:"),
    Mutant("a late amendment does not renew the answer", "listening.py",
           "if changed and reply is not None and reply.answers == taken.index and untouched(c):",
           "if False and reply is not None:"),
    Mutant("tentative words are not waited for", "listening.py",
           "return max(over, words_final_at(c)) if user.tentative else over", "return over"),
    Mutant("a won bet stays silent", "listening.py",
           "    reply.say_from(c.now)\n    speak(c)\n",
           "    reply.say_from(c.now)\n"),
    Mutant("a bet is spoken before the turn is taken", "replying.py",
           "if reply.bet is not None or reply.spoken == len(reply.text):",
           "if reply.spoken == len(reply.text):"),
    Mutant("superseded context reaches the model", "state.py",
           "ignored_as_backchannel=hidden):\n            return hidden",
           "ignored_as_backchannel=hidden):\n            return False"),
    Mutant("failures are never too many", "replying.py", "    c.failures += 1\n    reply.broken = kind\n    recover(c)",
           "    reply.broken = kind\n    recover(c)"),
    Mutant("tools may be interrupted although they forbid it", "replying.py",
           "return not any(c.calls[call].manners.interruption is guarded for call in reply.waits_for)",
           "return True"),
    Mutant("a bet's tool runs at once", "calling.py",
           "if reply.bet is not None and not call.manners.safe_to_bet:", "if False:"),
    Mutant("a tool does not wait for the words before it", "calling.py",
           "if call.manners.execution is Execution.POST_TOOL_SPEECH and reply.text.strip():",
           "if False:"),
    Mutant("an interrupted reply's asynchronous result is spoken", "calling.py",
           "if c.owed is None and c.closing is None and not call.unwanted:",
           "if c.owed is None and c.closing is None:"),
    Mutant("a given-up tool is not cancelled", "calling.py", "    c.do(CancelTool(call.id))\n    answer",
           "    answer"),
    Mutant("the weakest sign decides", "listening.py", "endpoint(c)[0].wait_ms", "endpoint(c)[-1].wait_ms"),
    Mutant("spelling is cut off", "endpointing.py",
           "if manners.spelling_patience and is_spelled(pause.words, words):", "if False:"),
    Mutant("doubt shortens the wait", "endpointing.py",
           "wait = patience.silence + round(doubt * (patience.hesitant - patience.silence))",
           "wait = patience.silence - round(doubt * patience.silence)"),
    Mutant("an answer to a question is taken for listening", "interruption.py",
           "    if barge_in.question is Question.LAST:\n        return False\n", ""),
    Mutant("ignored terms depend on case", "interruption.py",
           "return frozenset(plain(term) for term in manners.ignore_terms)",
           "return frozenset(manners.ignore_terms)"),
    Mutant("a backchannel interrupts", "interruption.py",
           "return None if barge_in.speaking_ms is None else manners.backchannel_ms", "return 0"),
    Mutant("a cough interrupts at once", "interruption.py",
           "return None if barge_in.speaking_ms is None else manners.barge_in_ms", "return 0"),
    Mutant("the agent never resumes", "rules/barge_in.py",
           "    return Millis(user.silent_since + patience)\n\n\ndef _go_on", "    return None\n\n\ndef _go_on"),
    Mutant("a withdrawn answer is not owed any more", "rules/barge_in.py",
           "    if reply.bet is None:\n        c.owed,", "    if False:\n        c.owed,"),
    Mutant("speech over an uninterruptible reply counts", "rules/replies.py",
           "        if not manners.transcribe_when_disabled:\n            discard(c)", "        pass"),
    Mutant("a tool loop never ends", "rules/replies.py",
           "if reply.passes >= c.policy.guards.max_passes:", "if False:"),
    Mutant("the same filler every time", "rules/replies.py",
           "return left[min(reply.fillers, len(left) - 1)]", "return left[0]"),
    Mutant("missing audio is not noticed", "rules/guards.py",
           "return Millis(c.user.audio_at + stall)", "return None"),
    Mutant("a stuck detector is trusted", "rules/guards.py",
           "return Millis(max(since, c.user.words_at) + c.policy.guards.stuck_speech_ms)",
           "return None"),
    Mutant("a hung model is waited for", "rules/guards.py",
           "return Millis(reply.model_moved + c.policy.guards.model_stall_ms)",
           "return None"),
    Mutant("a silent user is left alone", "rules/waiting.py",
           "return max(Millis(since + patience), c.undisturbed_from)", "return None"),
    Mutant("the silence clock runs while the agent speaks", "rules/waiting.py",
           "since = max(c.user.silent_since, c.user.last_spoke, c.reply_over, c.user.active_at or Millis(0))",
           "since = max(c.user.silent_since, c.user.last_spoke, c.user.active_at or Millis(0))"),
    Mutant("late rules act late", "engine.py",
           "c.now = max(c.now, self._deadline)", "c.now = at"),
    Mutant("time may run backwards", "engine.py", "if at < c.now:", "if at < 0:"),
)  # fmt: skip


def found(mutant: Mutant, *, verbose: bool) -> bool:
    """Return whether a test fails with this bug in."""
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder) / "src"
        shutil.copytree(ROOT / "src", copy, ignore=shutil.ignore_patterns("__pycache__"))
        path = copy / "turnwise" / "turns" / mutant.file
        text = path.read_text(encoding="utf-8")
        if text.count(mutant.before) != 1:
            sys.exit(f"mutant {mutant.what!r}: its text is not in {mutant.file} exactly once")
        path.write_text(text.replace(mutant.before, mutant.after), encoding="utf-8")
        run = subprocess.run(
            [
                sys.executable,
                "-m",
                "pytest",
                "-q",
                "-x",
                "-p",
                "no:cacheprovider",
                *OPTIONS,
                *TESTS,
            ],
            cwd=ROOT,
            env={**os.environ, "PYTHONPATH": str(copy), "HYPOTHESIS_STORAGE_DIRECTORY": folder},
            capture_output=True,
            text=True,
            check=False,
        )
    if verbose:
        print("\n".join(run.stdout.splitlines()[-6:]))
    if run.returncode not in {0, 1}:
        sys.exit(f"mutant {mutant.what!r}: the tests did not run\n{run.stdout}{run.stderr}")
    return run.returncode == 1


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", type=int, nargs="*", help="numbers of mutants, from 1")
    parser.add_argument("--verbose", action="store_true", help="show what the tests say")
    options = parser.parse_args()
    chosen = [(n, m) for n, m in enumerate(MUTANTS, 1) if not options.only or n in options.only]
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        results = pool.map(lambda item: found(item[1], verbose=options.verbose), chosen)
        verdicts = list(zip(chosen, results, strict=True))
    survivors = 0
    for (number, mutant), was_found in verdicts:
        survivors += not was_found
        print(f"{number:3}  {'found   ' if was_found else 'SURVIVED'}  {mutant.what}")
    print(f"{len(verdicts) - survivors} of {len(verdicts)} planted bugs found")
    return int(survivors > 1)


if __name__ == "__main__":
    sys.exit(main())
