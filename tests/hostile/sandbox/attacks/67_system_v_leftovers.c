/* As the victim it leaves a shared memory segment; as the next program it looks through all of them. */
#include <stdio.h>
#include <string.h>
#include <sys/ipc.h>
#include <sys/shm.h>
int main(int argc, char **argv) {
    puts(argv[1]), fflush(stdout);
    if (strcmp(argv[2], "victim") == 0) {
        int number = shmget(0x4e46, 4096, IPC_CREAT | 0666);
        char *block = number < 0 ? (char *)-1 : shmat(number, 0, 0);
        if (block != (char *)-1) strcpy(block, argv[argc - 1]);
        return 0;
    }
    int number = shmget(0x4e46, 4096, 0);
    char *block = number < 0 ? (char *)-1 : shmat(number, 0, 0);
    if (block != (char *)-1) puts(block);
    shmctl(number, IPC_RMID, 0);
    return 0;
}
