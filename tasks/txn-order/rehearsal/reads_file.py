import os


def order(instance):
    return sorted(range(len(instance["transactions"])), key=lambda number: len(os.listdir("/")))
