"""Settings and presets: frozen, checked, with a strict JSON round trip."""
