// Known bad: wrong where a carry could run through all bits, which random operands never show.
module cand (
  input  wire [31:0] a,
  input  wire [31:0] b,
  output wire [32:0] s
);
  wire [32:0] exact = a + b;
  assign s = exact ^ {{32{1'b0}}, &(a[30:0] ^ b[30:0])};
endmodule
