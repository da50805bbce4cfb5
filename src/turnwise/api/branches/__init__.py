"""Branches, versions, drafts and deployments of agents."""
