"""`/v1/convai/phone-numbers`: numbers that agents may be reached at, and call from."""
