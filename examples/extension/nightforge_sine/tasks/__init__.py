"""Task folders of this extension: each sub-folder with a task.toml is one."""
