/* Attaches to every process that it can see, its parent first. */
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ptrace.h>
#include <unistd.h>
int main(int argc, char **argv) {
    puts(argv[1]), fflush(stdout);
    ptrace(PTRACE_SEIZE, getppid(), 0, 0);
    ptrace(PTRACE_ATTACH, atoi(argv[2]), 0, 0);
    ptrace(PTRACE_ATTACH, atoi(argv[3]), 0, 0);
    ptrace(PTRACE_ATTACH, 1, 0, 0);
    usleep(500000);
    return 0;
}
