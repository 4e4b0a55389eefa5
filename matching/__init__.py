"""Known campaigns over any traffic: files, a stream, or a gateway that asks over HTTP."""
