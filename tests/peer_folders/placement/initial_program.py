# EVOLVE-BLOCK-START
def place(gpu_num, models):
    placed = {gpu: [] for gpu in range(gpu_num)}
    for number, model in enumerate(models):
        placed[number % gpu_num].append(model)
    return placed


# EVOLVE-BLOCK-END
