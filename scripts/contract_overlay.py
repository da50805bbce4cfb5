"""What the published document lacks or says otherwise than the service acts, and why.

`SHAPES` and `OPERATIONS` are JSON merge patches (RFC 7386): a None takes a key away.
"""

from typing import Any, Final

Object = dict[str, Any]

REF: Final = "#/components/schemas/"


def _fields(**changes: Object) -> Object:
    return {"properties": changes}


def _both(name: str, change: Object) -> dict[str, Object]:
    return {f"{name}-Input": change, f"{name}-Output": change}


def _list_of(items: Object) -> Object:
    return {"anyOf": None, "type": "array", "items": items}


def _const(value: str) -> Object:
    return {"const": value, "default": value}


def _tool_with_integrations(suffix: str) -> Object:
    """A tool on its own, which may be one of an integration as it may among an agent's."""
    kinds = {
        "webhook": "WebhookToolConfig",
        "client": "ClientToolConfig",
        "system": "SystemToolConfig",
        "mcp": "MCPToolConfig",
        "api_integration_webhook": "ApiIntegrationWebhookToolConfig",
    }
    named = {kind: f"{REF}{shape}-{suffix}" for kind, shape in kinds.items()}
    members = [{"$ref": each} for each in named.values()]
    return _fields(tool_config={"oneOf": members, "discriminator": {"mapping": named}})


FLAG: Final[Object] = {"anyOf": None, "type": "boolean", "default": False}
POSITION: Final[Object] = {"$ref": f"{REF}Position-Input"}
NODE: Final = _fields(position={"anyOf": None, **POSITION}, edge_order=_list_of({"type": "string"}))
SAY: Final = _fields(
    **NODE["properties"],
    conversation_config={
        "anyOf": None,
        "$ref": f"{REF}ConversationalConfigAPIModelWorkflowOverride-Input",
    },
    additional_prompt={"anyOf": None, "type": "string", "default": ""},
    additional_knowledge_base=_list_of({"$ref": f"{REF}KnowledgeBaseLocator"}),
    additional_tool_ids=_list_of({"type": "string"}),
    wait_for_speech_completion=FLAG,
    wait_for_user_response=FLAG,
)

LLM_NODE: Final[Object] = {
    "oneOf": [
        {
            "type": "object",
            "properties": {
                "type": {"type": "string", **_const("llm")},
                "value_schema": {"$ref": f"{REF}LLMLiteralJsonSchemaProperty"},
                "prompt": {"anyOf": [{"type": "string"}, {"type": "null"}], "deprecated": True},
            },
            "required": ["value_schema"],
        },
        {
            "type": "object",
            "properties": {
                "type": {"type": "string", **_const("llm")},
                "value_schema": {"type": "null"},
                "prompt": {"type": "string", "deprecated": True},
            },
            "required": ["prompt"],
        },
    ]
}
"""A node of an expression that a model evaluates. Answers always have both fields; a request has
one, and what it says of the other one has to make sense."""

SAME_AS: Final = {  # the document refers to them, and does not have them
    "DynamicVariablesConfig-Input": "DynamicVariablesConfig",
    "DynamicVariablesConfig-Output": "DynamicVariablesConfig",
}

SHAPES: Final[dict[str, Object]] = {
    # null means that nothing was said: the agent gets the default settings, and no tags
    "Body_Create_Agent_v1_convai_agents_create_post": _fields(
        platform_settings={"anyOf": None, "$ref": f"{REF}AgentPlatformSettingsRequestModel"},
        tags=_list_of({"type": "string"}),
    ),
    # every workflow has its start node; an empty one is the plain agent it was before workflows
    "AgentWorkflowRequestModel": _fields(
        nodes={"minProperties": None, "default": {"start_node": {"type": "start"}}}
    ),
    "AgentWorkflowResponseModel": _fields(nodes={"minProperties": None}),
    # an operator's own models have names of their own
    "LLM": {"x-open": True},
    # -1 waits for ever
    **_both("ClientToolConfig", _fields(response_timeout_secs={"minimum": -1})),
    # defaults of unions are nowhere in the document; the reference pages have them
    **_both(
        "PromptAgentAPIModel", _fields(backup_llm_config={"default": {"preference": "default"}})
    ),
    **_both("ContentGuardrail", _fields(trigger_action={"default": {"type": "end_call"}})),
    "CustomGuardrailConfig": _fields(trigger_action={"default": {"type": "end_call"}}),
    **_both("WidgetConfig", _fields(avatar={"default": {"type": "orb"}})),
    "WidgetConfigResponseModel": _fields(avatar={"default": {"type": "orb"}}),
    # fields that the SDK alone has: its types do not tell defaults; siblings do
    "PromptAgentAPIModelOverrideConfig": _fields(reasoning_effort=FLAG, tool_ids_strict=FLAG),
    "TTSConversationalConfigOverrideConfig": _fields(clone_strength=FLAG),
    "TurnConfigOverrideConfig": _fields(noisy_environment_message=FLAG),
    "TurnConfig": _fields(noisy_environment_detection=FLAG),
    "EffectsSpec-Input": _fields(pan={"anyOf": None, "type": "number", "default": 0}),
    # answers always have it, and nobody must say it
    "WorkflowOverrideAgentNodeModel-Input": _fields(additional_prompt={"default": ""}),
    "WorkflowEdgeModel-Input": _fields(reroutes=_list_of(POSITION)),
    "WorkflowEndNodeModel-Input": _fields(
        outcome={
            "anyOf": None,
            "type": "string",
            "enum": ["success", "failure"],
            "default": "success",
        }
    ),
    "WorkflowStandaloneAgentNodeModel-Input": _fields(preserve_voice_settings=FLAG),
    "AgentWorkflowRequestModelNodesValue_Say": SAY,
    "AgentWorkflowRequestModelNodesValue_UpdateState": NODE,
    "WorkflowSayNodeModelInputMessage_Literal": _fields(
        text_translations={
            "anyOf": None,
            "type": "object",
            "additionalProperties": {"$ref": f"{REF}TranslatedString"},
        }
    ),
    "ASTLLMNode-Input": LLM_NODE,
    "AstNodeInput_Llm": {"type": None, "properties": None, "required": None, **LLM_NODE},
    "WorkflowStateUpdateInput": _fields(
        type={"anyOf": None, "type": "string", **_const("dynamic_variable")},
        required={**FLAG, "default": True},
    ),
    **_both("AgentTransfer", _fields(preserve_voice_settings=FLAG)),
    "AlertingMonitorConfig": _fields(enabled={**FLAG, "default": True}),
    "ConversationHistoryRedactionConfig": _fields(
        excluded_data_collection_ids=_list_of({"type": "string"})
    ),
    # the official examples create tools of integrations by the operation for all tools
    "ToolRequestModel": _tool_with_integrations("Input"),
    "ToolResponseModel": _tool_with_integrations("Output"),
    # the widget sends these
    "ConversationFeedbackRequestModel": _fields(
        rating={"anyOf": [{"type": "integer", "minimum": 1, "maximum": 5}, {"type": "null"}]},
        comment={"anyOf": [{"type": "string"}, {"type": "null"}]},
    ),
}

ALIASES: Final = {  # former paths that clients still use
    "GET /v1/convai/conversation/get_signed_url": "GET /v1/convai/conversation/get-signed-url",
}

_INTEGRATION: Final = "/v1/convai/api-integrations/{integration_id}"


def _path(*names: str) -> list[Object]:
    return [
        {"name": name, "place": "path", "required": True, "schema": {"type": "string"}}
        for name in names
    ]


def _answer(schema: Object | None = None) -> Object:
    return {"status": 200, "media": "application/json", "schema": schema or {}}


OPERATIONS: Final[dict[str, Object]] = {  # attested by official examples only
    f"GET {_INTEGRATION}": {
        "id": "get_api_integration",
        "priority": "P0",
        "parameters": _path("integration_id"),
        "answer": _answer(),
    },
    f"GET {_INTEGRATION}/tools": {
        "id": "list_api_integration_tools",
        "priority": "P0",
        "parameters": _path("integration_id"),
        "answer": _answer(),
    },
    f"POST {_INTEGRATION}/connections": {
        "id": "create_api_integration_connection",
        "priority": "P0",
        "parameters": _path("integration_id"),
        "body": {
            "required": True,
            "media": "application/json",
            "schema": {
                "type": "object",
                "properties": {
                    "name": {"type": "string"},
                    "credential_id": {"type": "string"},
                    "user_config_values": {"type": "object", "additionalProperties": True},
                },
                "required": ["name", "credential_id"],
            },
        },
        "answer": _answer(
            {
                "type": "object",
                "properties": {"connection_id": {"type": "string"}},
                "required": ["connection_id"],
            }
        ),
    },
    f"DELETE {_INTEGRATION}/connections/{{connection_id}}": {
        "id": "delete_api_integration_connection",
        "priority": "P0",
        "parameters": _path("integration_id", "connection_id"),
        "answer": _answer(),
    },
}
