"""Who is there: the one user of this machine, users of an identity provider, or users that a trusted proxy names."""
