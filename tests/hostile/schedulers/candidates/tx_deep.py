"""Cheat 27: nested a hundred thousand deep."""


def order(instance):
    answer = []
    for _ in range(100_000):
        answer = [answer]
    return answer
