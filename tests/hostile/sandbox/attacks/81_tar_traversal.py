"""An archive whose member climbs out."""

import io
import sys
import tarfile

print(sys.argv[1], flush=True)
with tarfile.open("result.tar", "w") as archive:
    for name in (f"{sys.argv[2]}/target.txt", "../../../host/new"):
        member = tarfile.TarInfo(name)
        member.size = 7
        archive.addfile(member, io.BytesIO(b"climbed"))
