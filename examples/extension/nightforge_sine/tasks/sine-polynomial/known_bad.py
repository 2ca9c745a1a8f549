import sys

sys.stdout.write("one, minus a sixth, and so on\n")
