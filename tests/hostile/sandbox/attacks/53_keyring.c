/* Leaves a key in the keyring of the user, where the next program finds it. */
#define _GNU_SOURCE
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

int main(int argc, char **argv) {
    puts(argv[1]), fflush(stdout);
    char zero[256];
    memset(zero, 0, sizeof zero);
    long key = syscall(SYS_add_key, "user", argv[1], "x", 1, -4);
    syscall(SYS_keyctl, 5, key, 0x3f3f3f3f);
    usleep(300000);
    return 0;
}
