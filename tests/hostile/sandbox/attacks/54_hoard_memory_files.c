/* 300 MiB in anonymous files: no process shows them as its own. */
#define _GNU_SOURCE
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
static char block[1 << 20];
int main(int argc, char **argv) {
    puts(argv[1]), fflush(stdout);
    memset(block, 1, sizeof block);
    int file = memfd_create("hoard", 0);
    for (int i = 0; file >= 0 && i < 300; i++) write(file, block, sizeof block);
    usleep(400000);
    return 0;
}
