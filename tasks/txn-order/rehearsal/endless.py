def order(instance):
    while True:
        pass
