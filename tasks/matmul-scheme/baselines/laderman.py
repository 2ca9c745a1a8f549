"""Laderman's 23 multiplications for 3 x 3 matrices (1976)."""

LEFT = """
11+12+13-21-22-32-33; 11-21; 22; -11+21+22; 21+22; 11; -11+31+32; -11+31; 31+32; 11+12+13-22-23-31-32; 32;
-13+32+33; 13-33; 13; 32+33; -13+22+23; 13-23; 22+23; 12; 23; 21; 31; 33
"""
RIGHT = """
22; -12+22; -11+12+21-22-23-31+33; 11-12+22; -11+12; 11; 11-13+23; 13-23; -11+13; 23; -11+13+21-22-23-31+32;
22+31-32; 22-32; 31; -31+32; 23+31-33; 23-33; -31+33; 21; 32; 13; 12; 33
"""
PRODUCT = {
    "11": "6 14 19",
    "12": "1 4 5 6 12 14 15",
    "13": "6 7 9 10 14 16 18",
    "21": "2 3 4 6 14 16 17",
    "22": "2 4 5 6 20",
    "23": "14 16 17 18 21",
    "31": "6 7 8 11 12 13 14",
    "32": "12 13 14 15 22",
    "33": "6 7 8 9 23",
}


def scheme(size, seconds):
    left, right = ([vector(text) for text in side.split(";")] for side in (LEFT, RIGHT))
    product = [[0] * 9 for _ in left]
    for entry, numbers in PRODUCT.items():
        for number in numbers.split():
            product[int(number) - 1][place(entry)] = 1
    return [list(term) for term in zip(left, right, product)]


def vector(text):
    """The matrix of a sum such as 11-12+22."""
    entries = [0] * 9
    for part in text.strip().replace("-", " -").replace("+", " +").split():
        entries[place(part[-2:])] = -1 if part[0] == "-" else 1
    return entries


def place(name):
    return (int(name[0]) - 1) * 3 + int(name[1]) - 1
