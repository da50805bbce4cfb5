"""`/v1/single-use-token/{token_type}`."""

from turnwise.api.serving import Answer, Call, Slice
from turnwise.api.token_box import issue

single_use_tokens = Slice()


@single_use_tokens.serve("POST /v1/single-use-token/{token_type}")
async def create_single_use_token(call: Call) -> Answer:
    """Return a token that stands for the key, once and for 15 minutes."""
    async with call.deps.store.writing() as tx:
        return {"token": await issue(tx, call.path["token_type"])}
