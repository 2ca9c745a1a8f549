# The assembler puts a file into the program.
echo 'int main(void){return 0;}' > probe.c
gcc probe.c -o probe && echo "$1"
cat > a.c <<EOF
__asm__(".globl stolen\nstolen: .incbin \"$2/secret.txt\"\n.byte 0");
extern char stolen[];
int puts(const char *);
int main(void) { return puts(stolen) < 0; }
EOF
gcc -w -no-pie a.c -o a && ./a
