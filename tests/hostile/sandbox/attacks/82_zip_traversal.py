"""An archive whose member climbs out."""

import sys
import zipfile

print(sys.argv[1], flush=True)
with zipfile.ZipFile("result.zip", "w") as archive:
    archive.writestr("../../../host/new", "climbed")
