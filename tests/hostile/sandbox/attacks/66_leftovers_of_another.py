"""As the victim it leaves things in every writable place; as the next program it looks for them."""

import os
import sys

print(sys.argv[1], flush=True)
role, rest = sys.argv[2], sys.argv[3:]
for root in ("/tmp", "/dev/shm", "/var/tmp", os.environ["HOME"]):
    path = f"{root}/{sys.argv[1]}"
    try:
        if role == "victim":
            with open(path, "w") as left:
                left.write(rest[-1])
        else:
            with open(path) as left:
                print(left.read())
            os.unlink(path)
    except OSError as error:
        print(error)
