"""`/v1/workspace/webhooks`: where news of conversations is sent."""
