# The compiler prints the line of a file that it cannot parse.
echo 'int main(void){return 0;}' > probe.c
gcc probe.c -o probe && echo "$1"
echo "#include \"$2/secret.txt\"" > a.c; gcc -c a.c -o a.o
