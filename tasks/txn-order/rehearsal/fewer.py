def order(instance):
    return [0, 1, 2]
