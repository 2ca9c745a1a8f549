"""The web pages: the same queries as the command line, read by a browser. The server executes nothing."""
