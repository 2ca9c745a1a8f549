# A rule for online bin packing: the item goes into the bin with the largest score. Operators read the comments below.
#
# nf: feature item size >= 1 shared: of the item that must go somewhere now
# nf: feature room size >= 1: free in the bin; the capacity for a new one
# nf: feature left size >= 0: that the item would leave free in it
# nf: feature here bins >= 0: open bins with this room; 0 for a new one
# nf: feature there bins >= 0: open bins with the room that would be left; 0 when nothing would
# nf: feature oldest bins >= 0: opened before the oldest bin with this room
# nf: feature bins bins >= 0 shared: opened so far
# nf: feature seen items >= 0 shared: packed so far
# nf: feature volume size >= 0 shared: of all items packed so far
# nf: feature capacity size >= 1 shared: of a bin
#
# nf: rule -left -- best fit
# nf: rule -oldest -- first fit
# nf: rule (2 * here - 1 if left == 0 else -2 * there - 1 if room == capacity else 2 * (here - there) - 2) -- sum of squares
# nf: rule (4 if left < 3 else 3 if left < 4 else 2 if left < 6 else 1 if left < 8 else 0.9 if left < 10 else 0.95 if left < 13 else 0.97 if left < 16 else 0.98 if left < 22 else 0.99) - oldest / 10000000 -- tight fits by rank, middling remainders last, the oldest among equals (after FunSearch)
# nf: rule (3000 - left if left <= 3 else 2000 - left if left >= 20 else 1000 - left) -- a tight fit, else one that leaves much


def score(item, room, left, here, there, oldest, bins, seen, volume, capacity):
    """Best fit: the fullest bin with room."""
    return -left
