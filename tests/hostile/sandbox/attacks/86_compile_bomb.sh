# A source that takes the compiler minutes: four bytes become a million additions.
echo 'int main(void){return 0;}' > probe.c
gcc probe.c -o probe && echo "$1"

{ echo '#define A(x) (x*x+x%3+1)'; p=A; for n in B C D E F G H I; do echo "#define $n(x) $p($p(x))"; p=$n; done; echo 'int f(int y){return E(y);}'; } > a.c
gcc -O2 -c a.c -o a.o
