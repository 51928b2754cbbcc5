"""Networks whose features are scored: the judge and the 2015 Inception graph."""
