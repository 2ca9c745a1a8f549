template_program = '''
def priority(item: float, room: float) -> float:
    """Which bin is taken: the one of highest priority."""
    return -room
'''
task_description = "Pack items into bins of 10."
