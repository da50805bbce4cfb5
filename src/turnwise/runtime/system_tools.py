"""The tools that the platform brings itself: what each of them does to the conversation."""

from collections.abc import Callable, Coroutine, Mapping
from dataclasses import dataclass, field
from typing import Any

from turnwise.agents.tools import Tool
from turnwise.base.errors import FormatError
from turnwise.runtime.conversation import Tell
from turnwise.runtime.persona import CannotTakeOver, LacksVariables, Stage
from turnwise.runtime.record import Record
from turnwise.runtime.toolkit import Toolkit
from turnwise.turns.events import (
    CallId,
    EndAsked,
    HandOverAsked,
    MannersChanged,
    ReplyId,
    ToolReturned,
    TurnSkipped,
)
from turnwise.turns.transcript import UserSaid

Arguments = Mapping[str, Any]

MOST_TRANSFERS = 5
"""Agents that may hand over to each other without a word of the user."""
EARLY_TURNS = 2
"""Turns of the user that count as the start of a conversation (`only_at_conversation_start`)."""
_NO_PHONE = "This conversation is not a phone call."
_NO_TRANSFER = "This server cannot transfer phone calls to a number."


@dataclass(frozen=True, slots=True, kw_only=True)
class SystemCall:
    """One call of a system tool."""

    call: CallId
    reply: ReplyId
    tool: Tool
    arguments: Arguments


@dataclass(slots=True)
class _Transfers:
    """How often the agents handed over since the user last said something."""

    count: int = 0
    heard: int = 0


@dataclass(slots=True)
class SystemTools:
    """Runs the system tools of one conversation. Each tells the engine how it came out."""

    stage: Stage
    toolkit: Toolkit
    record: Record
    tell: Tell
    _transfers: _Transfers = field(default_factory=_Transfers)
    _switched: bool = False
    """Whether the language was switched before."""

    def knows(self, tool: Tool) -> bool:
        """Return whether there is such a tool here."""
        return tool.system_type in self._at_once or tool.system_type in self._later

    def begin(self, asked: SystemCall) -> Coroutine[Any, Any, None] | None:
        """Run a tool that needs no time; return the work of another."""
        kind = asked.tool.system_type or ""
        if kind in self._later:
            return self._later[kind](asked)
        self._at_once[kind](asked)
        return None

    @property
    def _at_once(self) -> Mapping[str, Callable[[SystemCall], None]]:
        return {
            "end_call": self._end_call,
            "skip_turn": self._skip_turn,
            "voicemail_detection": self._voicemail,
            "transfer_to_number": self._transfer_to_number,
        }

    @property
    def _later(self) -> Mapping[str, Callable[[SystemCall], Coroutine[Any, Any, None]]]:
        return {
            "transfer_to_agent": self._transfer_to_agent,
            "language_detection": self._detect_language,
            "play_keypad_touch_tone": self._play_tones,
        }

    # --- ends and silences ----------------------------------------------------------------------

    def _end_call(self, asked: SystemCall) -> None:
        message, reason = _text(asked, "message"), _text(asked, "reason")
        self._note(asked, "end_call_success", reason=reason, message=message or None)
        self.tell(EndAsked("end_call tool was called.", message, asked.call, unsure=True))

    def _skip_turn(self, asked: SystemCall) -> None:
        chosen = asked.tool.params.get("wait_timeout_secs")
        seconds = _positive(chosen) or _positive(asked.arguments.get("wait_timeout_secs"))
        self._note(asked, "skip_turn_success", reason=_text(asked, "reason") or None)
        self.tell(TurnSkipped(asked.call, round(seconds * 1000) or None))

    def _voicemail(self, asked: SystemCall) -> None:
        stored = asked.tool.params.get("voicemail_message")
        message = self.toolkit.variables.now().fill(stored) if isinstance(stored, str) else ""
        self._note(
            asked,
            "voicemail_detection_success",
            voicemail_message=message or None,
            reason=_text(asked, "reason") or None,
        )
        self.tell(EndAsked("voicemail detected.", message, asked.call))

    # --- only on the phone ----------------------------------------------------------------------

    def _transfer_to_number(self, asked: SystemCall) -> None:
        why = "Calls can be transferred to a number only on the phone."
        if self.toolkit.phone is None:
            self._fail(asked, "transfer_to_number_error", _NO_PHONE, details=why)
        else:
            self._fail(asked, "transfer_to_number_error", _NO_TRANSFER)

    async def _play_tones(self, asked: SystemCall) -> None:
        keys, phone = _text(asked, "dtmf_tones"), self.toolkit.phone
        if phone is None:
            why = "Keypad tones can be played only on the phone."
            self._fail(asked, "play_dtmf_error", _NO_PHONE, details=why)
            return
        try:
            await phone.press(asked.reply, keys)
        except FormatError as error:
            self._fail(asked, "play_dtmf_error", str(error))
            return
        except TimeoutError:
            self._fail(asked, "play_dtmf_error", "The agent did not stop speaking.")
            return
        reason = _text(asked, "reason") or None
        self._note(asked, "play_dtmf_success", dtmf_tones=keys, reason=reason)
        if asked.tool.params.get("suppress_turn_after_dtmf") is True:
            self.tell(TurnSkipped(asked.call))
        else:
            self.tell(ToolReturned(asked.call, f"The keys were pressed: {keys}"))

    # --- other personas -------------------------------------------------------------------------

    async def _detect_language(self, asked: SystemCall) -> None:
        present, language = self.stage.present, _text(asked, "language")
        early_only = asked.tool.params.get("only_at_conversation_start") is True
        late = self.record.messages(UserSaid) > EARLY_TURNS
        if early_only and late and not self._switched:
            self._refuse(asked, "The language can be switched only at the start.")
            return
        if language != present.language:
            casting, variables = self.toolkit.casting, self.toolkit.variables.kept()
            try:
                persona = await casting.in_language(present, language, variables)
            except CannotTakeOver as error:
                self._refuse(asked, str(error))
                return
            self._switched = True
            name = self.stage.admit(persona)
            self.tell(MannersChanged(name, persona.policy, asked.call))
        reason = _text(asked, "reason")
        self._note(asked, "language_detection_success", reason=reason, language=language)
        self.tell(ToolReturned(asked.call, f"The conversation goes on in {language}."))

    async def _transfer_to_agent(self, asked: SystemCall) -> None:
        present, variables = self.stage.present, self.toolkit.variables
        try:
            transfer = self._chosen(asked)
            persona = await self.toolkit.casting.transferred(transfer, present, variables.kept())
        except CannotTakeOver as error:
            sentence = str(error)
            if isinstance(error, LacksVariables):  # told first: the answer begins another reply
                self.tell(EndAsked(error.code))
            self._fail(asked, "transfer_to_agent_error", sentence, from_agent=present.agent_id)
            return
        message = variables.now().fill(str(transfer.get("transfer_message") or ""))
        delay_ms = int(_positive(transfer.get("delay_ms")))
        speaks_first = transfer.get("enable_transferred_agent_first_message") is True
        self._note(
            asked,
            "transfer_to_agent_success",
            from_agent=present.agent_id,
            to_agent=persona.agent_id,
            condition=str(transfer.get("condition") or ""),
            delay_ms=delay_ms,
            transfer_message=message or None,
            enable_transferred_agent_first_message=speaks_first,
            branch_info=_branch(transfer, persona.branch_id),
        )
        self.tell(
            HandOverAsked(
                self.stage.admit(persona),
                persona.policy,
                message=message,
                first_message=persona.first_message if speaks_first else "",
                delay_ms=delay_ms,
                call=asked.call,
                result=f"Another agent took over: {persona.agent_id}.",
            )
        )

    def _chosen(self, asked: SystemCall) -> Mapping[str, Any]:
        stored = asked.tool.params.get("transfers")
        transfers = [each for each in stored or () if isinstance(each, Mapping)]
        number = asked.arguments.get("agent_number")
        if not isinstance(number, int) or not 0 <= number < len(transfers):
            raise CannotTakeOver(f"agent_number should be 0 to {len(transfers) - 1}.")
        heard = self.record.messages(UserSaid)
        if heard != self._transfers.heard:
            self._transfers = _Transfers(heard=heard)
        self._transfers.count += 1
        if self._transfers.count > MOST_TRANSFERS:
            raise CannotTakeOver(
                "The agents handed over to each other too often; answer the user yourself."
            )
        return transfers[number]

    # --- how it came out ------------------------------------------------------------------------

    def _note(self, asked: SystemCall, result_type: str, **more: object) -> None:
        error = result_type.endswith("_error")
        self.record.note_of(asked.call).result = {
            "result_type": result_type,
            "status": "error" if error else "success",
            **{name: value for name, value in more.items() if value is not None},
        }

    def _fail(self, asked: SystemCall, result_type: str, error: str, **more: object) -> None:
        self._note(asked, result_type, error=error, **more)
        self._refuse(asked, error)

    def _refuse(self, asked: SystemCall, error: str) -> None:
        note = self.record.note_of(asked.call)
        note.error_type, note.raw_error = "customer_config", error
        self.tell(ToolReturned(asked.call, error, failed=True))


def _branch(transfer: Mapping[str, Any], branch_id: str | None) -> dict[str, object] | None:
    if not branch_id:
        return None
    configured = bool(transfer.get("branch_id"))
    reason = "configured" if configured else "defaulting_to_main"
    return {"branch_reason": reason, "branch_id": branch_id}


def _text(asked: SystemCall, name: str) -> str:
    value = asked.arguments.get(name)
    return value if isinstance(value, str) else ""


def _positive(value: object) -> float:
    """Return a number above 0; 0 for all else."""
    if isinstance(value, int | float) and not isinstance(value, bool) and value > 0:
        return float(value)
    return 0.0
