"""`/v1/convai/analytics`."""

from turnwise.api.serving import Answer, Call, Slice

analytics = Slice()


@analytics.serve("GET /v1/convai/analytics/live-count")
async def count_live(call: Call) -> Answer:
    """Return how many conversations go on in all processes, of all agents or of some."""
    wanted = {*(call.query.get("agent_ids") or ())}
    if agent_id := call.query.get("agent_id"):
        wanted.add(agent_id)
    return {"count": call.deps.live_calls(wanted)}
