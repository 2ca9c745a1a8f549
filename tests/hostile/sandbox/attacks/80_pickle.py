"""A pickle that writes to the host when it is read."""

import os
import pickle
import sys

print(sys.argv[1], flush=True)


class Payload:
    def __reduce__(self) -> tuple[object, ...]:
        return (os.system, (f"echo pickled >> {sys.argv[2]}/target.txt",))


with open("result.pkl", "wb") as result:
    pickle.dump(Payload(), result)
