/* Touches 1.5 GiB in one process, as fast as it can. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
int main(int argc, char **argv) {
    puts(argv[1]), fflush(stdout);
    for (int i = 0; i < 96; i++) {
        char *piece = malloc(16u << 20);
        if (piece) memset(piece, 1, 16u << 20);
    }
    usleep(300000);
    return 0;
}
