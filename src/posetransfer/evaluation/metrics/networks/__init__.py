"""Networks that scores are made with: the standard ones (a file, or fetched), and the labelled stand-ins that are shipped."""
