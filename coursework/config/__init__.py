"""Settings and presets: frozen and validated, with a strict JSON round trip."""
