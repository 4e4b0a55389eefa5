"""Why a prompt is in its family, or in none: read off what the stages of a run wrote."""
