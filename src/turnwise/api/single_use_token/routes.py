"""`/v1/single-use-token/{token_type}`."""

from typing import get_args

from turnwise.api.errors import Invalid, problem
from turnwise.api.serving import Answer, Call, Slice
from turnwise.api.token_box import TokenType, issue

single_use_tokens = Slice()


@single_use_tokens.serve("POST /v1/single-use-token/{token_type}")
async def create_single_use_token(call: Call) -> Answer:
    """Return a token that stands for the key, once and for 15 minutes."""
    token_type = call.path["token_type"]
    if token_type not in get_args(TokenType):
        text = f"Input should be {', '.join(get_args(TokenType))}"
        raise Invalid([problem("enum", ["path", "token_type"], text)])
    async with call.deps.store.writing() as tx:
        return {"token": await issue(tx, token_type)}
