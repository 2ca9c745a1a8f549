/* Gets an io_uring: system calls that no filter sees. */
#define _GNU_SOURCE
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

int main(int argc, char **argv) {
    puts(argv[1]), fflush(stdout);
    char zero[256];
    memset(zero, 0, sizeof zero);
    syscall(SYS_io_uring_setup, 4, zero);
    usleep(300000);
    return 0;
}
