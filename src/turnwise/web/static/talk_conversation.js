// One conversation on the published socket: messages in, messages out.

const BYE = "User ended conversation";

export class Conversation {
  /**
   * @param address where the socket is, http or https
   * @param first what the first message says beside its type
   * @param on what is called: begin, audio, interruption, words, part, correction, heard, tentative,
   *   tool, approval, failure, end
   */
  constructor(address, first, on) {
    this.on = on;
    this.interrupted = 0;
    this.leaving = false;
    this.failure = "";
    const url = new URL(address);
    url.protocol = url.protocol === "https:" ? "wss:" : "ws:";
    this.socket = new WebSocket(url, ["convai"]);
    this.socket.onopen = () =>
      this.send({
        type: "conversation_initiation_client_data",
        source_info: { source: "talk_page" },
        ...first,
      });
    this.socket.onmessage = ({ data }) => this.take(JSON.parse(data));
    this.socket.onclose = ({ code, reason }) => this.ended(code, reason);
  }

  send(message) {
    if (this.socket.readyState === WebSocket.OPEN) this.socket.send(JSON.stringify(message));
  }

  hear(audio) { this.send({ user_audio_chunk: audio }); }

  say(text) { this.send({ type: "user_message", text }); }

  /** Ask the agent not to disturb: the user is typing. */
  typing() { this.send({ type: "user_activity" }); }

  approve(call, isApproved) {
    this.send({ type: "mcp_tool_approval_result", tool_call_id: call, is_approved: isApproved });
  }

  leave() {
    this.leaving = true;
    this.socket.close(1000, BYE);
  }

  ended(code, reason) {
    const by = this.leaving ? "user" : code === 1000 && !this.failure ? "agent" : "error";
    const lost = "The connection to the server was lost.";
    this.on.end({ by, reason: by === "error" ? this.failure || reason || lost : "" });
  }

  take(message) {
    switch (message.type) {
      case "conversation_initiation_metadata":
        return this.on.begin(message.conversation_initiation_metadata_event);
      case "ping":
        return this.send({ type: "pong", event_id: message.ping_event.event_id });
      case "audio":
        return this.takeAudio(message.audio_event);
      case "interruption":
        this.interrupted = Math.max(this.interrupted, message.interruption_event.event_id);
        return this.on.interruption();
      case "agent_response":
        return this.on.words(message.agent_response_event);
      case "agent_chat_response_part":
        return this.on.part(message.text_response_part);
      case "agent_response_correction":
        return this.on.correction(message.agent_response_correction_event);
      case "user_transcript":
        return this.on.heard(message.user_transcription_event.user_transcript);
      case "tentative_user_transcript":
        return this.on.tentative(message.tentative_user_transcription_event.user_transcript);
      case "client_tool_call":
        return this.refuse(message.client_tool_call);
      case "mcp_tool_call":
        return this.on.approval(message.mcp_tool_call);
      case "error":
        this.failure = message.error_event.message || message.error_event.reason || "";
        return undefined;
      default:
        return undefined;
    }
  }

  takeAudio({ audio_base_64: audio, event_id: number }) {
    if (number > this.interrupted) this.on.audio(audio);
  }

  /** This page has no tools: the agent is told so in the words of the published clients. */
  refuse({ tool_name: name, tool_call_id: call, expects_response: wanted }) {
    this.on.tool(name);
    if (wanted === false) return;
    const result = `Client tool with name ${name} is not defined on client`;
    this.send({ type: "client_tool_result", tool_call_id: call, result, is_error: true });
  }
}
