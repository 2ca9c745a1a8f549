/* unshare through the 32-bit door, whose numbers a naive filter confuses. */
#include <stdio.h>
#include <unistd.h>
int main(int argc, char **argv) {
    long result;
    puts(argv[1]), fflush(stdout);
    usleep(100000);
    __asm__ volatile("int $0x80" : "=a"(result) : "a"(310L), "b"(0x10000000L | 0x00020000L) : "memory");
    usleep(300000);
    return 0;
}
