"""Cheat 18: whatever it finds from an earlier instance ends it: an honest score means that there was nothing."""

os = __import__("os")
seen = __import__("builtins").__dict__
if "nf_seen" in seen:
    raise SystemExit(9)
seen["nf_seen"] = True
for folder in ("/tmp", "/dev/shm", "/job", "/var/tmp", "."):
    path = os.path.join(folder, "nf_seen")
    if os.path.exists(path):
        raise SystemExit(9)


def priority(f):
    return -f["duration"] / f["remaining"] - 1000000 * f["wait"]
