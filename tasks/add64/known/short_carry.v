// Known bad: wrong where a carry could run through all bits, which random operands never show.
module cand (
  input  wire [63:0] a,
  input  wire [63:0] b,
  output wire [64:0] s
);
  wire [64:0] exact = a + b;
  assign s = exact ^ {{64{1'b0}}, &(a[62:0] ^ b[62:0])};
endmodule
