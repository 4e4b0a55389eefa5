"""The order of work: Prefect flows and the `shoal` command. The only room that imports Prefect."""
