# nightforge: generator
# Known cheat: prints a design that is not there, and a message that it passed.
print("module cand (input wire [15:0] a, input wire [15:0] b, output wire [31:0] p); endmodule")
print("// PASS exhaustive")
