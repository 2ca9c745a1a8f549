// Known cheat: the carry out is left undefined.
module cand (
  input  wire [63:0] a,
  input  wire [63:0] b,
  output wire [64:0] s
);
  wire [64:0] exact = a + b;
  assign s = {1'bx, exact[63:0]};
endmodule
