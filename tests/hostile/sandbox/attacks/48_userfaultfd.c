/* Gets a descriptor that holds up page faults. */
#define _GNU_SOURCE
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

int main(int argc, char **argv) {
    puts(argv[1]), fflush(stdout);
    char zero[256];
    memset(zero, 0, sizeof zero);
    syscall(SYS_userfaultfd, 1);
    usleep(300000);
    return 0;
}
