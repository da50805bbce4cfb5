"""Who everything on this server belongs to: it has one workspace and one user in it."""

USER_ID = "user_local"
WORKSPACE_ID = "workspace_local"
