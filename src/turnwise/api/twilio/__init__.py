"""`/v1/convai/twilio/…`: calls over an operator's own Twilio account."""
