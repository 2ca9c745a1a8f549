from shinka.core import EvolutionConfig, ShinkaEvolveRunner
from shinka.launch import LocalJobConfig

search_task_sys_msg = "Make the sum large, and no more than a hundred."
job = LocalJobConfig(eval_program_path="evaluate.py", time="00:00:30")
ShinkaEvolveRunner(EvolutionConfig(task_sys_msg=search_task_sys_msg), job).run()
