"""Cheat 7: a list and integers that lie about themselves; their bytes do not."""


class Number(int):
    def __eq__(self, other):
        return True

    def __hash__(self):
        return 0


class Order(list):
    def __len__(self):
        return 10**6


def order(instance):
    return Order(Number(number) for number in range(len(instance["transactions"])))
